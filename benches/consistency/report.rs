//! Rows → curves, tables, CSV.
//!
//! What lives here: counting. What never does: clips.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use crate::baselines;
use crate::drift::Drift;
use crate::evaluate::{Kind, Row};
use crate::honest::Honest;

/// The score below which a clip is not passed.
pub const THRESHOLD: f32 = 80.0;

/// Area under the ROC curve: how often an honest clip scores above a drifting one; ties count half.
pub fn auc(honest: &[f32], drift: &[f32]) -> f64 {
    if honest.is_empty() || drift.is_empty() {
        return f64::NAN;
    }
    let mut all: Vec<(f32, bool)> =
        honest.iter().map(|&s| (s, true)).chain(drift.iter().map(|&s| (s, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranks, mut i) = (0.0, 0);
    while i < all.len() {
        let mut j = i;
        while j < all.len() && all[j].0 == all[i].0 {
            j += 1;
        }
        let rank = (i + j + 1) as f64 / 2.0;
        ranks += rank * all[i..j].iter().filter(|a| a.1).count() as f64;
        i = j;
    }
    let (n, m) = (honest.len() as f64, drift.len() as f64);
    (ranks - n * (n + 1.0) / 2.0) / (n * m)
}

fn column(rows: &[Row], which: usize, keep: impl Fn(&Row) -> bool) -> Vec<f32> {
    rows.iter()
        .filter(|r| keep(r))
        .map(|r| if which == 0 { r.score } else { r.baselines[which - 1] })
        .collect()
}

fn is_honest(r: &Row) -> bool {
    matches!(r.case.kind, Kind::Honest(_))
}

/// The tables, in Markdown.
pub fn tables(rows: &[Row]) -> String {
    let mut out = String::new();
    let honest: Vec<Vec<f32>> = (0..5).map(|k| column(rows, k, is_honest)).collect();
    let all: Vec<Vec<f32>> = (0..5).map(|k| column(rows, k, |r| !is_honest(r))).collect();
    let _ = writeln!(
        out,
        "{} clips: {} honest, {} drifting\n",
        rows.len(),
        honest[0].len(),
        all[0].len()
    );
    let _ =
        write!(out, "| drift (ROC AUC) | weak | middle | strong | all | found at {THRESHOLD} |");
    baselines::NAMES.iter().for_each(|n| {
        let _ = write!(out, " {n} |");
    });
    let _ = writeln!(out, "\n|---|---|---|---|---|---|---|---|---|---|");
    for d in Drift::ALL {
        let of = |which: usize, strength: Option<u8>| {
            let scores = column(rows, which, |r| {
                r.case.kind == Kind::Drift(d) && strength.is_none_or(|s| r.case.strength == s)
            });
            (auc(&honest[which], &scores), scores)
        };
        let _ = write!(out, "| {} |", d.word());
        (1..=3).for_each(|s| {
            let _ = write!(out, " {:.3} |", of(0, Some(s)).0);
        });
        let (whole, scores) = of(0, None);
        let found = scores.iter().filter(|s| **s < THRESHOLD).count();
        let _ = write!(out, " **{whole:.3}** | {:.0} % |", percent(found, scores.len()));
        (1..5).for_each(|k| {
            let _ = write!(out, " {:.3} |", of(k, None).0);
        });
        let _ = writeln!(out);
    }
    let _ = write!(out, "| **in all** |");
    for s in 1..=3 {
        let scores = column(rows, 0, |r| !is_honest(r) && r.case.strength == s);
        let _ = write!(out, " {:.3} |", auc(&honest[0], &scores));
    }
    let found = all[0].iter().filter(|s| **s < THRESHOLD).count();
    let _ = write!(
        out,
        " **{:.3}** | {:.0} % |",
        auc(&honest[0], &all[0]),
        percent(found, all[0].len())
    );
    (1..5).for_each(|k| {
        let _ = write!(out, " {:.3} |", auc(&honest[k], &all[k]));
    });
    let _ = writeln!(
        out,
        "\n\n| honest change | clips | false alarms at {THRESHOLD} | lowest tenth of scores | median |"
    );
    let _ = writeln!(out, "|---|---|---|---|---|");
    let mut alarms = 0;
    for h in Honest::ALL {
        let mut scores = column(rows, 0, |r| r.case.kind == Kind::Honest(h));
        scores.sort_by(f32::total_cmp);
        let low = scores.iter().filter(|s| **s < THRESHOLD).count();
        alarms += low;
        let at = |share: f32| {
            scores.get((scores.len() as f32 * share) as usize).copied().unwrap_or(f32::NAN)
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.1} % | {:.1} | {:.1} |",
            h.word(),
            scores.len(),
            percent(low, scores.len()),
            at(0.1),
            at(0.5)
        );
    }
    let mut sorted = honest[0].clone();
    sorted.sort_by(f32::total_cmp);
    let fifth = sorted.get(sorted.len() / 20).copied().unwrap_or(f32::NAN);
    let caught = all[0].iter().filter(|s| **s < fifth).count();
    let _ = writeln!(
        out,
        "| **all** | {} | **{:.1} %** | | |\n\nWith 5 % false alarms (threshold {fifth:.1}), {:.1} % of drifting clips are found.",
        honest[0].len(),
        percent(alarms, honest[0].len()),
        percent(caught, all[0].len())
    );
    let time: f32 = rows.iter().map(|r| r.milliseconds).sum::<f32>() / rows.len().max(1) as f32;
    let _ = writeln!(out, "Comparing took {time:.0} ms a clip on average.");
    out
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

/// Every row as CSV.
pub fn csv(rows: &[Row], path: &Path) -> Result<(), Box<dyn Error>> {
    let mut measures: Vec<&str> = Vec::new();
    let mut parts: Vec<&str> = Vec::new();
    for r in rows {
        r.measures.iter().for_each(|m| {
            if !measures.contains(&m.0) {
                measures.push(m.0)
            }
        });
        r.parts.iter().for_each(|m| {
            if !parts.contains(&m.0) {
                parts.push(m.0)
            }
        });
    }
    let mut out = csv::Writer::from_path(path)?;
    let mut head: Vec<String> = [
        "number",
        "drifting",
        "kind",
        "strength",
        "base",
        "base_strength",
        "picture",
        "references",
        "score",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(parts.iter().map(|p| format!("part {p}")));
    head.extend(baselines::NAMES.map(str::to_owned));
    head.extend(measures.iter().map(|m| (*m).to_owned()));
    head.extend(["ms".to_owned(), "note".to_owned()]);
    out.write_record(&head)?;
    for r in rows {
        let c = &r.case;
        let mut line = vec![
            c.number.to_string(),
            u8::from(!is_honest(r)).to_string(),
            c.kind.word().to_owned(),
            c.strength.to_string(),
            c.base.0.word().to_owned(),
            c.base.1.to_string(),
            r.item.clone(),
            if c.crowd { "3" } else { "1" }.to_owned(),
            format!("{:.3}", r.score),
        ];
        let value = |list: &[(&str, f32)], name: &str| {
            list.iter().find(|m| m.0 == name).map_or(String::new(), |m| format!("{:.4}", m.1))
        };
        line.extend(parts.iter().map(|p| value(&r.parts, p)));
        line.extend(r.baselines.map(|b| format!("{b:.4}")));
        line.extend(measures.iter().map(|m| value(&r.measures, m)));
        line.extend([format!("{:.0}", r.milliseconds), r.note.clone()]);
        out.write_record(&line)?;
    }
    Ok(out.flush()?)
}
