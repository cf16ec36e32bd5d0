//! Forms and subjects as they are read: checked, and ready for each of their jobs.
//!
//! What never lives here: jobs, the order of lines.

use std::sync::Arc;

use super::line::{FormLine, PictureLine, SubjectLine};
use rust_decimal::Decimal;

use crate::address::{Address, escape_into};
use crate::money::Micros;
use crate::plan::digesting::Money;
use crate::plan::job::JobSettings;
use crate::plan::tally::Sums;

/// What many jobs share.
#[derive(Debug)]
pub(super) struct Form {
    pub line: FormLine,
    /// Pictures that are not the subject's own, in the order of the references.
    pub fixed: Vec<Option<Arc<PictureLine>>>,
    /// Settings; the seed is the job's own.
    pub settings: JobSettings,
    pub money: Option<Money>,
    /// What one job adds to the plan's sums.
    pub one: Sums,
    /// The address behind the subject.
    pub tail: Box<str>,
}

impl Form {
    /// Checks a line. Pictures are asked for by their number.
    pub fn new(
        line: FormLine,
        picture: impl Fn(u32) -> Option<Arc<PictureLine>>,
    ) -> Result<Form, String> {
        if line.take == 0 {
            return Err("a form's take is 0; takes count from 1".to_owned());
        }
        if line.seconds.is_sign_negative() {
            return Err(format!("a form's length is {} seconds", line.seconds));
        }
        let fixed = line.references.iter().map(|reference| match reference {
            r if r.own.is_some() == r.picture.is_some() => {
                Err(format!("the reference `{}` must be `own` or a `picture`", r.name))
            }
            r => match r.picture {
                None => Ok(None),
                Some(n) => match picture(n) {
                    Some(found) => Ok(Some(found)),
                    None => Err(format!("there is no picture {n} before this line")),
                },
            },
        });
        let fixed: Vec<_> = fixed.collect::<Result<_, String>>()?;
        let money = money(&line)?;
        let settings = JobSettings {
            duration: line.seconds,
            aspect: line.aspect.clone(),
            resolution: line.resolution.clone(),
            width: line.width,
            height: line.height,
            fps: line.fps,
            seed: None,
            options: line.options.clone(),
        };
        let alone = Address::new(None, &line.shot, line.variant.as_deref(), line.take);
        let tail = alone.as_str().trim_start_matches(crate::address::NONE).into();
        Ok(Form { one: one(&line, money.as_ref()), line, fixed, settings, money, tail })
    }
}

fn money(line: &FormLine) -> Result<Option<Money>, String> {
    let Some(estimate) = line.estimate else {
        return match (line.low, line.high) {
            (None, None) => Ok(None),
            _ => Err("a form without an estimate has a low or a high".to_owned()),
        };
    };
    let (low, high) = (line.low.unwrap_or(estimate), line.high.unwrap_or(estimate));
    if low > estimate || estimate > high {
        return Err(format!(
            "a form's low {low}, estimate {estimate} and high {high} don't ascend"
        ));
    }
    Ok(Some(Money { estimate, low, high }))
}

fn one(line: &FormLine, money: Option<&Money>) -> Sums {
    let micros = |value| Micros::from_decimal(value).unwrap_or(Micros::MAX);
    let mut sums = Sums { jobs: 1, length: micros(line.seconds), ..Sums::default() };
    let Some(money) = money else {
        sums.unpriced = 1;
        return sums;
    };
    sums.estimate = micros(money.estimate);
    sums.low = micros(money.low);
    sums.high = micros(money.high);
    let clips = Decimal::from(line.retakes()) + Decimal::ONE;
    sums.with_retakes = micros(money.estimate.saturating_mul(clips));
    if let Some(text) = line.as_text {
        sums.compared = 1;
        sums.as_planned = sums.estimate;
        sums.as_text = micros(text);
    }
    sums
}

/// A subject.
#[derive(Debug)]
pub(super) struct FileSubject {
    pub set: Box<str>,
    pub id: Box<str>,
    pub values: Box<[Box<str>]>,
    pub pictures: Box<[(u32, Arc<PictureLine>)]>,
    /// The address up to the shot.
    pub head: Box<str>,
}

impl FileSubject {
    /// Checks a line. Pictures are asked for by their number.
    pub fn new(
        line: SubjectLine,
        picture: impl Fn(u32) -> Option<Arc<PictureLine>>,
    ) -> Result<FileSubject, String> {
        let found = |n: u32| {
            let missing = || format!("there is no picture {n} before this line");
            picture(n).map(|picture| (n, picture)).ok_or_else(missing)
        };
        let pictures = line.pictures.iter().map(|n| found(*n)).collect::<Result<_, String>>()?;
        let mut head = String::with_capacity(line.set.len() + 1 + line.id.len());
        escape_into(&line.set, &mut head);
        head.push('.');
        escape_into(&line.id, &mut head);
        Ok(FileSubject {
            set: line.set.into(),
            id: line.id.into(),
            values: line.values.into(),
            pictures,
            head: head.into(),
        })
    }
}
