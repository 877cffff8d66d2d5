//! The histogram of a replay as a picture: SVG that needs nothing else.

use std::fmt::Write as _;

use crate::cli::explain::report::{KINDS, Report, SCORES, STEP};

/// Colours that the colour-blind can tell apart (Okabe and Ito), one for each of [`KINDS`].
const COLOURS: [&str; KINDS.len()] = ["#56b4e9", "#e69f00", "#d55e00"];
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
/// The margins: left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (64.0, 16.0, 56.0, 48.0);

/// Draws the scores of a report: a bar is as high as the logarithm of its count, and parted as its verdicts are.
#[expect(clippy::cast_precision_loss, reason = "a picture")]
pub(super) fn svg(report: &Report, title: &str, thresholds: &[(&str, u8)]) -> String {
    let (left, right, top, bottom) = MARGINS;
    let (wide, high) = (WIDTH - left - right, HEIGHT - top - bottom);
    let most = report.scores.iter().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or_default().max(1);
    let decades = (1 + most).ilog10() + 1;
    let height = |count: u64| high * (1.0 + count as f64).log10() / f64::from(decades);
    let slot = wide / SCORES as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"20\" font-size=\"14\" font-weight=\"600\" fill=\"#222\">{}</text>\n",
        escaped(title),
        escaped(title)
    );
    for (index, (kind, colour)) in KINDS.iter().zip(COLOURS).enumerate() {
        let x = left + 110.0 * index as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"41\" \
             fill=\"#222\">{kind}</text>",
            x + 16.0
        );
    }
    for decade in 0..=decades {
        let y = top + high - high * f64::from(decade) / f64::from(decades);
        let label = if decade == 0 { "0".to_owned() } else { 10_u64.pow(decade).to_string() };
        let _ = writeln!(
            out,
            "<path d=\"M{left} {y:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" \
             fill=\"#555\">{label}</text>",
            WIDTH - right,
            left - 8.0,
            y + 4.0
        );
    }
    for (index, bar) in report.scores.iter().enumerate() {
        let x = left + slot * index as f64;
        let all = bar.iter().sum::<u64>();
        let mut y = top + high;
        for ((&count, colour), kind) in bar.iter().zip(COLOURS).zip(KINDS).filter(|((count, _), _)| **count > 0) {
            let part = height(all) * count as f64 / all as f64;
            y -= part;
            let from = index * usize::from(STEP);
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{part:.1}\" fill=\"{colour}\"><title>score {from}: \
                 {count} {kind}</title></rect>",
                x + 2.0,
                slot - 4.0
            );
        }
        if index % 2 == 0 {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
                x + slot / 2.0,
                top + high + 18.0,
                index * usize::from(STEP)
            );
        }
    }
    for (name, at) in thresholds.iter().filter(|(_, at)| *at > 0) {
        let x = left + slot * f64::from(*at) / f64::from(STEP);
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\" fill=\"#222\">{name} {at}</text>",
            top - 4.0,
            top + high,
            x - 4.0,
            top + 8.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#222\">score; the height counts requests, ten times as \
         many for each line</text>\n</svg>",
        left + wide / 2.0,
        HEIGHT - 10.0
    );
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
