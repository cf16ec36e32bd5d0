//! The camera before a picture: where it looks from, moment by moment.
//!
//! What lives here: homographies from the picture's plane to the frame. What never does: pixels.

use std::f32::consts::TAU;

use fastrand::Rng;

/// A 3×3 matrix, row by row.
pub type Matrix = [[f32; 3]; 3];

/// One look at the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Against the clip's own scale.
    pub zoom: f32,
    /// Radians.
    pub roll: f32,
    pub yaw: f32,
    pub pitch: f32,
    /// Shares of the frame's sides by which the picture is moved.
    pub dx: f32,
    pub dy: f32,
    /// How far the middle of the look went from the subject's middle to the label's.
    pub aim: f32,
}

impl Default for View {
    fn default() -> Self {
        View { zoom: 1.0, roll: 0.0, yaw: 0.0, pitch: 0.0, dx: 0.0, dy: 0.0, aim: 0.0 }
    }
}

/// How the camera moves from the first frame (0) to the last (1).
#[derive(Debug, Clone)]
pub struct Path {
    pub from: View,
    pub to: View,
    /// Shares of the frame by which a hand shakes.
    pub shake: f32,
    phases: [f32; 12],
    /// A quick move to the side and back in the middle third: shares of the frame.
    pub swing: (f32, f32),
    pub eased: bool,
}

impl Path {
    pub fn new(from: View, to: View, shake: f32, eased: bool, rng: &mut Rng) -> Path {
        let phases = std::array::from_fn(|_| rng.f32());
        Path { from, to, shake, phases, swing: (0.0, 0.0), eased }
    }

    /// The look at a moment.
    pub fn at(&self, u: f32) -> View {
        let e = if self.eased { u * u * (3.0 - 2.0 * u) } else { u };
        let mix = |a: f32, b: f32| a + (b - a) * e;
        let (a, b) = (&self.from, &self.to);
        let wave = |k: usize| {
            let p = &self.phases[k * 4..k * 4 + 4];
            let sine = |f: f32, phase: f32| (TAU * (f * u + phase)).sin();
            0.6 * sine(1.2 + p[0], p[1])
                + 0.4 * sine(3.0 + 2.5 * p[2], p[3])
                + 0.15 * sine(9.0 + p[0], p[2])
        };
        let bump = {
            let t = ((u - 0.3) / 0.4).clamp(0.0, 1.0);
            0.5 - 0.5 * (TAU * t).cos()
        };
        View {
            zoom: a.zoom * (b.zoom / a.zoom).powf(e),
            roll: mix(a.roll, b.roll) + 0.5 * self.shake * wave(2),
            yaw: mix(a.yaw, b.yaw),
            pitch: mix(a.pitch, b.pitch),
            dx: mix(a.dx, b.dx) + self.shake * wave(0) + self.swing.0 * bump,
            dy: mix(a.dy, b.dy) + self.shake * wave(1) + self.swing.1 * bump,
            aim: mix(a.aim, b.aim),
        }
    }
}

/// What a look is at.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    /// Middle of the look in the picture, at aim 0 and at aim 1.
    pub wide: (f32, f32),
    pub close: (f32, f32),
    /// Frame pixels a picture pixel at zoom 1.
    pub scale: f32,
    /// The frame.
    pub width: f32,
    pub height: f32,
}

impl Aim {
    /// Picture to frame.
    pub fn matrix(&self, v: &View) -> Matrix {
        let cx = self.wide.0 + (self.close.0 - self.wide.0) * v.aim;
        let cy = self.wide.1 + (self.close.1 - self.wide.1) * v.aim;
        let s = self.scale * v.zoom;
        let focal = 1.3 * self.width.max(self.height);
        let (sr, cr) = v.roll.sin_cos();
        let (sy, cyaw) = v.yaw.sin_cos();
        let (sp, cp) = v.pitch.sin_cos();
        // The plane's two directions after roll, yaw and pitch.
        let turned = |x: f32, y: f32| {
            let (x, y) = (cr * x - sr * y, sr * x + cr * y);
            let (x, z) = (cyaw * x, sy * x);
            [x, cp * y - sp * z, sp * y + cp * z]
        };
        let (r1, r2) = (turned(s, 0.0), turned(0.0, s));
        let (mx, my) = (self.width * (0.5 + v.dx), self.height * (0.5 + v.dy));
        let column = |r: [f32; 3], depth: f32| {
            [focal * r[0] + mx * (r[2] + depth), focal * r[1] + my * (r[2] + depth), r[2] + depth]
        };
        let (a, b, c) = (column(r1, 0.0), column(r2, 0.0), column([0.0; 3], focal));
        // From picture coordinates: first to the middle of the look.
        let t: [f32; 3] = std::array::from_fn(|k| c[k] - cx * a[k] - cy * b[k]);
        [[a[0], b[0], t[0]], [a[1], b[1], t[1]], [a[2], b[2], t[2]]]
    }
}

/// The other way round.
pub fn inverse(m: &Matrix) -> Matrix {
    let c = |a: usize, b: usize, d: usize, e: usize| m[a][b] * m[d][e];
    let adjugate = [
        [
            c(1, 1, 2, 2) - c(1, 2, 2, 1),
            c(0, 2, 2, 1) - c(0, 1, 2, 2),
            c(0, 1, 1, 2) - c(0, 2, 1, 1),
        ],
        [
            c(1, 2, 2, 0) - c(1, 0, 2, 2),
            c(0, 0, 2, 2) - c(0, 2, 2, 0),
            c(0, 2, 1, 0) - c(0, 0, 1, 2),
        ],
        [
            c(1, 0, 2, 1) - c(1, 1, 2, 0),
            c(0, 1, 2, 0) - c(0, 0, 2, 1),
            c(0, 0, 1, 1) - c(0, 1, 1, 0),
        ],
    ];
    let det = m[0][0] * adjugate[0][0] + m[0][1] * adjugate[1][0] + m[0][2] * adjugate[2][0];
    adjugate.map(|row| row.map(|v| v / det))
}

/// A point through a matrix.
#[inline]
pub fn through(m: &Matrix, x: f32, y: f32) -> (f32, f32) {
    let w = m[2][0] * x + m[2][1] * y + m[2][2];
    ((m[0][0] * x + m[0][1] * y + m[0][2]) / w, (m[1][0] * x + m[1][1] * y + m[1][2]) / w)
}
