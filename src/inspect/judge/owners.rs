//! Whose each picture is, and what for.

use crate::diagnostic::Place;
use crate::manifest::{Catalogue, Reference, Role, SubjectKind, SubjectRef};
use crate::media::PictureId;

/// One reference to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The subject; absent where a shot has the picture itself.
    pub subject: Option<SubjectRef>,
    /// What the subject is.
    pub kind: Option<SubjectKind>,
    /// What the picture is for.
    pub role: Role,
    /// Which of its subject's or shot's references it is.
    index: u32,
    shot: u32,
}

impl Owner {
    /// Whether the subject must stay recognisable by it.
    pub fn keeps_identity(&self) -> bool {
        let shows = matches!(self.role, Role::Identity | Role::FirstFrame | Role::LastFrame);
        shows && self.kind.is_some_and(SubjectKind::has_identity)
    }

    /// Whether the clip shows what is on it, rather than being like it.
    pub fn is_shown(&self) -> bool {
        !matches!(self.role, Role::Mood | Role::Style | Role::Framing | Role::Environment)
    }

    /// Whether it is its subject's first.
    pub fn is_first(&self) -> bool {
        self.subject.is_some() && self.index == 0
    }

    /// The reference itself.
    pub fn reference<'c>(&self, catalogue: &'c Catalogue) -> &'c Reference {
        let index = self.index as usize;
        match self.subject {
            Some(at) => {
                &catalogue.sets[at.set as usize].subjects[at.subject as usize].references[index]
            }
            None => &catalogue.shots[self.shot as usize].references[index],
        }
    }

    /// Where the subject or the shot's reference is written.
    pub fn place(&self, catalogue: &Catalogue) -> Place {
        match self.subject {
            Some(at) => catalogue.sets[at.set as usize].subjects[at.subject as usize].place,
            None => self.reference(catalogue).place,
        }
    }

    /// `set.id`, or the shot's id.
    pub fn name(&self, catalogue: &Catalogue) -> String {
        match self.subject {
            Some(at) => catalogue.subject_name(at),
            None => catalogue.shots[self.shot as usize].id.to_string(),
        }
    }
}

/// The references to each picture.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    all: Vec<(PictureId, Owner)>,
}

impl Owners {
    /// Of a catalogue: the subjects' in their order, then the shots'.
    pub(super) fn of_catalogue(catalogue: &Catalogue) -> Self {
        let mut all = Vec::new();
        for (set, of) in (0u32..).zip(&catalogue.sets) {
            for (subject, one) in (0u32..).zip(&of.subjects) {
                for (index, reference) in (0u32..).zip(&one.references) {
                    let subject = Some(SubjectRef { set, subject });
                    let (kind, role) = (Some(of.kind), reference.role);
                    all.push((reference.picture, Owner { subject, kind, role, index, shot: 0 }));
                }
            }
        }
        for (shot, of) in (0u32..).zip(&catalogue.shots) {
            for (index, reference) in (0u32..).zip(&of.references) {
                let role = reference.role;
                let owner = Owner { subject: None, kind: None, role, index, shot };
                all.push((reference.picture, owner));
            }
        }
        // Stable, so that those of one picture stay in their order.
        all.sort_by_key(|(picture, _)| *picture);
        Owners { all }
    }

    /// Those of one picture.
    pub fn of(&self, picture: PictureId) -> impl Iterator<Item = &Owner> + Clone {
        let from = self.all.partition_point(|(id, _)| *id < picture);
        self.all[from..].iter().take_while(move |(id, _)| *id == picture).map(|(_, owner)| owner)
    }
}
