//! The camera: moves and time → where things stand in a frame.
//!
//! What lives here: easing, poses. What never does: words, pixels.

use super::words::{Direction, Move};

/// How the camera stands at one moment, relative to rest. Sides are in frame widths, heights in
/// frame heights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Growth by nearness: applies by a layer's depth.
    pub dolly: f32,
    /// Growth of everything alike.
    pub zoom: f32,
    /// How far things move right.
    pub x: f32,
    /// How far things move down.
    pub y: f32,
    /// How far near things move down against far ones.
    pub rise: f32,
    /// How far the subject is turned: its middle moves by this part of its width.
    pub turn: f32,
}

impl Pose {
    /// At rest.
    pub const REST: Pose = Pose { dolly: 1.0, zoom: 1.0, x: 0.0, y: 0.0, rise: 0.0, turn: 0.0 };
}

/// A camera's way through a shot, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    start: Pose,
    end: Pose,
    /// Whether it goes back to its start in its second half.
    returns: bool,
}

impl Path {
    /// No movement.
    pub const STILL: Path = Path { start: Pose::REST, end: Pose::REST, returns: false };

    /// The way that a direction means over `seconds`. Long shots travel further, but less than
    /// their length: speed stays calm. `seed` varies sides and reach, so that takes differ.
    pub fn new(direction: &Direction, seconds: f32, seed: u64) -> Self {
        let variation = 0.9 + 0.2 * unit(seed, 1);
        let reach = direction.amplitude * (seconds / 5.0).sqrt().clamp(0.45, 1.7) * variation;
        let side = if unit(seed, 2) < 0.5 { -1.0 } else { 1.0 };
        let mut path = Path::STILL;
        for movement in &direction.moves {
            path.add(*movement, reach, side);
        }
        path
    }

    fn add(&mut self, movement: Move, reach: f32, side: f32) {
        let (start, end) = (&mut self.start, &mut self.end);
        let mut across = |from: f32| {
            start.x += from * 0.055 * reach;
            end.x -= from * 0.055 * reach;
        };
        match movement {
            Move::PushIn => end.dolly *= 1.0 + 0.17 * reach,
            Move::PullOut => start.dolly *= 1.0 + 0.17 * reach,
            Move::ZoomIn => end.zoom *= 1.0 + 0.19 * reach,
            Move::ZoomOut => start.zoom *= 1.0 + 0.19 * reach,
            // Looking further left moves what is seen to the right.
            Move::PanLeft => across(-1.0),
            Move::PanRight => across(1.0),
            Move::Pan => across(side),
            Move::TiltUp => (start.y, end.y) = (start.y - 0.04 * reach, end.y + 0.04 * reach),
            Move::TiltDown => (start.y, end.y) = (start.y + 0.04 * reach, end.y - 0.04 * reach),
            Move::CraneUp => self.crane(1.0, reach),
            Move::CraneDown => self.crane(-1.0, reach),
            Move::OrbitLeft => self.orbit(-1.0, reach),
            Move::OrbitRight => self.orbit(1.0, reach),
            Move::Orbit => self.orbit(side, reach),
            Move::Static => {}
        }
    }

    fn crane(&mut self, up: f32, reach: f32) {
        self.start.rise -= up * 0.035 * reach;
        self.end.rise += up * 0.035 * reach;
        self.end.dolly *= 1.0 + 0.05 * reach;
    }

    fn orbit(&mut self, side: f32, reach: f32) {
        self.start.turn -= side * 0.07 * reach;
        self.end.turn += side * 0.07 * reach;
        self.start.x -= side * 0.012 * reach;
        self.end.x += side * 0.012 * reach;
        self.end.dolly *= 1.0 + 0.06 * reach;
    }

    /// The same way without turning and by a part of its reach, for whole pictures.
    #[must_use]
    pub fn scaled(&self, part: f32) -> Path {
        let scale = |p: Pose| Pose {
            dolly: 1.0 + (p.dolly - 1.0) * part,
            zoom: 1.0 + (p.zoom - 1.0) * part,
            x: p.x * part,
            y: p.y * part,
            rise: p.rise * part,
            turn: p.turn * part,
        };
        Path { start: scale(self.start), end: scale(self.end), returns: self.returns }
    }

    /// The same way from rest and back to rest, for clips whose first and last frame are given:
    /// two pictures that share it stay in register while one gives way to the other. It only
    /// ever comes nearer, so that no edge is seen.
    #[must_use]
    pub fn there_and_back(&self) -> Path {
        let far = self.difference();
        let beyond = 1.0 + 2.0 * far.x.abs().max((far.y + far.rise).abs());
        let near = |growth: f32| growth.max(1.0 / growth);
        let end = Pose { dolly: near(far.dolly), zoom: near(far.zoom) * beyond, ..far };
        Path { start: Pose::REST, end, returns: true }
    }

    fn difference(&self) -> Pose {
        Pose {
            dolly: self.end.dolly / self.start.dolly,
            zoom: self.end.zoom / self.start.zoom,
            x: self.end.x - self.start.x,
            y: self.end.y - self.start.y,
            rise: self.end.rise - self.start.rise,
            turn: self.end.turn - self.start.turn,
        }
    }

    /// Whether it goes left or right by more than a nudge.
    pub fn goes_sideways(&self) -> bool {
        (self.end.x - self.start.x).abs() > 0.04
    }

    /// The same with its sideways part stretched to `by` times.
    #[must_use]
    pub fn wider(&self, by: f32) -> Path {
        let mut wide = *self;
        wide.start.x *= by;
        wide.end.x *= by;
        wide
    }

    /// The pose at `t` from 0 to 1, eased. Growth goes by equal factors, so that it looks steady.
    pub fn at(&self, t: f32) -> Pose {
        let e = ease(if self.returns { 1.0 - (2.0 * t - 1.0).abs() } else { t });
        let linear = |a: f32, b: f32| a + (b - a) * e;
        let steady = |a: f32, b: f32| a * (b / a).powf(e);
        Pose {
            dolly: steady(self.start.dolly, self.end.dolly),
            zoom: steady(self.start.zoom, self.end.zoom),
            x: linear(self.start.x, self.end.x),
            y: linear(self.start.y, self.end.y),
            rise: linear(self.start.rise, self.end.rise),
            turn: linear(self.start.turn, self.end.turn),
        }
    }

    /// How much larger than the frame a layer of `depth` must be so that its edge is never
    /// seen, and the mean of its growth.
    pub fn needs(&self, depth: f32) -> Needs {
        let mut cover = 1.0f32;
        let mut growth = 0.0;
        const STEPS: u8 = 16;
        for step in 0..=STEPS {
            let place = Place::of(&self.at(f32::from(step) / f32::from(STEPS)), depth);
            let reach = |shift: f32| (1.0 + 2.0 * shift.abs()) / place.scale;
            cover = cover.max(reach(place.x)).max(reach(place.y));
            growth += place.scale / f32::from(STEPS + 1);
        }
        Needs { cover, growth }
    }
}

/// What a path asks of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Smallest size, in frames.
    pub cover: f32,
    /// Mean scale on the way.
    pub growth: f32,
}

/// Where a layer of some depth stands at a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Scale about the frame's middle.
    pub scale: f32,
    /// Shift to the right, in frame widths.
    pub x: f32,
    /// Shift down, in frame heights.
    pub y: f32,
}

impl Place {
    /// `depth` is 0 for what is far away and 1 for the subject; what is nearer goes beyond 1.
    pub fn of(pose: &Pose, depth: f32) -> Place {
        let near = 0.35 + 0.65 * depth;
        Place {
            scale: pose.zoom * (1.0 + (pose.dolly - 1.0) * near),
            x: pose.x * (0.5 + 0.5 * depth) - pose.turn * 0.25 * (1.0 - depth),
            y: pose.y * (0.7 + 0.3 * depth) + pose.rise * (0.3 + 0.7 * depth),
        }
    }
}

/// Starts and stops softly and goes evenly between: the speed rises over the first third and
/// falls over the last.
pub fn ease(t: f32) -> f32 {
    const RAMP: f32 = 0.34;
    let t = t.clamp(0.0, 1.0);
    let speed = 1.0 / (1.0 - RAMP);
    // The ramps are smoothsteps of speed; these are their integrals.
    let ramp = |u: f32| RAMP * (u * u * u - 0.5 * u * u * u * u);
    if t < RAMP {
        speed * ramp(t / RAMP)
    } else if t > 1.0 - RAMP {
        1.0 - speed * ramp((1.0 - t) / RAMP)
    } else {
        speed * (RAMP * 0.5 + (t - RAMP))
    }
}

/// A number from 0 to 1 that only depends on the seed and `salt`.
pub fn unit(seed: u64, salt: u64) -> f32 {
    let mut n = seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((n ^ (n >> 31)) >> 40) as f32 / (1u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn easing_is_smooth_and_reaches_its_ends() {
        assert_eq!((ease(0.0), ease(1.0)), (0.0, 1.0));
        let mut last = 0.0;
        for step in 1..=1000u16 {
            let now = ease(f32::from(step) / 1000.0);
            assert!(now >= last && now - last < 0.003, "{step}: {last} {now}");
            last = now;
        }
        assert!((ease(0.5) - 0.5).abs() < 1e-5);
    }

    #[test]
    fn a_static_camera_does_not_move() {
        let path = Path::new(&words::read("static shot"), 5.0, 7);
        assert_eq!(path.at(0.0), path.at(1.0));
    }

    #[test]
    fn a_push_grows_the_near_more_than_the_far() {
        let path = Path::new(&words::read("push in"), 5.0, 7);
        let end = path.at(1.0);
        assert!(Place::of(&end, 1.0).scale > Place::of(&end, 0.0).scale);
        assert!(Place::of(&end, 0.0).scale > 1.0);
    }

    #[test]
    fn looking_left_moves_the_picture_right() {
        let path = Path::new(&words::read("pan left"), 5.0, 7);
        assert!(path.at(1.0).x > path.at(0.0).x);
    }

    #[test]
    fn a_way_there_and_back_begins_and_ends_at_rest_and_shows_no_edge() {
        for prompt in ["push in while panning left, tilt up", "fast pull out", "zoom out, crane up"]
        {
            let path = Path::new(&words::read(prompt), 5.0, 7).there_and_back();
            assert_eq!((path.at(0.0), path.at(1.0)), (Pose::REST, Pose::REST));
            let cover = path.needs(1.0).cover;
            assert!(cover < 1.001, "{prompt}: {cover}");
        }
    }

    #[test]
    fn seeds_differ_a_little() {
        let direction = words::read("orbit");
        let ends: Vec<Pose> = (0..8).map(|seed| Path::new(&direction, 5.0, seed).at(1.0)).collect();
        assert!(ends.windows(2).any(|w| w[0] != w[1]));
    }
}
