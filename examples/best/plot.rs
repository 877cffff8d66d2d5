//! Draws what came out: rates that nobody was told, and who got the messages.

use std::fmt::Write as _;

use crate::{COUNTRIES, HOURS, Hidden, LOSS, Outcome, PROVIDERS};

const WIDTH: f64 = 960.0;
/// Left edge and width of the two columns.
const RATES: (f64, f64) = (140.0, 376.0);
const SHARES: (f64, f64) = (568.0, 376.0);
/// Top of the first row, height of a row's drawing, and from row to row.
const TOP: f64 = 92.0;
const TALL: f64 = 84.0;
const STEP: f64 = 108.0;

const STYLE: &str = "
  :root { --ground: #ffffff; --ink: #1c2430; --soft: #5b6675; --line: #d5dbe3; --a: #2463c9; --b: #c2570c; --c: #0f8a6c; --loss: #a3195b }
  @media (prefers-color-scheme: dark) {
    :root { --ground: #11161d; --ink: #e7ecf2; --soft: #9aa6b5; --line: #323c49; --a: #7fb0ff; --b: #ff9f5a; --c: #4fd0ac; --loss: #ff7fb5 }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--soft) }
  .title { font-size: 17px; font-weight: 600; fill: var(--ink) }
  .name { font-weight: 600; fill: var(--ink) }
  .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: var(--line); stroke-width: 1; fill: none }
  .limit { stroke: var(--soft); stroke-dasharray: 4 4; fill: none }
  .line { stroke-width: 1.8; fill: none; stroke-linejoin: round }
  .la { stroke: var(--a) } .lb { stroke: var(--b); stroke-dasharray: 7 3 } .lc { stroke: var(--c); stroke-dasharray: 2 2.5 }
  .fa { fill: var(--a) } .fb { fill: var(--b) } .fc { fill: var(--c) }
  .share { fill-opacity: 0.75 }
  .loss { stroke: var(--loss) }
";

/// A drawing under way.
struct Drawing(String);

/// A panel and its axes: hours across, a share upwards.
struct Panel {
    left: f64,
    top: f64,
    wide: f64,
    tall: f64,
    most: f64,
}

/// The whole drawing.
pub(crate) fn svg(hidden: &[Vec<Hidden>], best: &Outcome, oracle: &Outcome) -> String {
    let rows = COUNTRIES.len() as f64;
    let height = TOP + STEP * rows + 160.0;
    let mut drawing = Drawing(String::new());
    let _ = write!(
        drawing.0,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"title about\">\n\
         <title id=\"title\">How strategy: best follows providers whose rates drift</title>\n\
         <desc id=\"about\">For five countries: the rates of three providers over four days, which nobody is told, and the \
         share of messages that each got. Most messages go to the provider that is best at the time. Below: the share of \
         codes lost against an oracle, which stays under three percent.</desc>\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"var(--ground)\"/>\n"
    );
    drawing.text(16.0, 30.0, "title", "strategy: best finds out which provider delivers, country by country");
    legend(&mut drawing);
    drawing.text(RATES.0, TOP - 12.0, "", "Hidden: the share of codes that would come back");
    drawing.text(SHARES.0, TOP - 12.0, "", "Chosen: the share of messages that each provider got");
    for (row, (name, _, _)) in COUNTRIES.iter().enumerate() {
        let top = TOP + STEP * row as f64;
        drawing.text(16.0, top + TALL / 2.0 + 4.0, "name", name);
        let rates = Panel { left: RATES.0, top, wide: RATES.1, tall: TALL, most: 1.0 };
        rates.frame(&mut drawing, &[0.0, 0.5, 1.0]);
        for (provider, rate) in PROVIDERS.iter().zip(&hidden[row]) {
            let points = (0..=(HOURS as usize) * 2).map(|half| {
                let hour = half as f64 / 2.0;
                (hour, rate.rate(hour.min(HOURS - 0.01)))
            });
            rates.line(&mut drawing, &format!("l{provider}"), points);
        }
        let shares = Panel { left: SHARES.0, wide: SHARES.1, ..rates };
        shares.stack(&mut drawing, best, row);
        shares.frame(&mut drawing, &[0.0, 0.5, 1.0]);
    }
    let top = TOP + STEP * rows + 30.0;
    drawing.text(
        RATES.0,
        top - 8.0,
        "",
        "Lost so far: codes that did not come back and would have with the best provider",
    );
    let loss = Panel { left: RATES.0, top, wide: SHARES.0 + SHARES.1 - RATES.0, tall: TALL - 10.0, most: 0.06 };
    loss.frame(&mut drawing, &[0.0, LOSS, 0.06]);
    let limit = loss.y(LOSS);
    let _ = writeln!(drawing.0, "<path class=\"limit\" d=\"M{:.1} {limit:.1}h{:.1}\"/>", loss.left, loss.wide);
    let (mut found, mut known) = (0_u32, 0_u32);
    let points = best.hourly.iter().zip(&oracle.hourly).enumerate().map(|(hour, (best, oracle))| {
        found += best;
        known += oracle;
        (hour as f64 + 1.0, (1.0 - f64::from(found) / f64::from(known)).clamp(0.0, 0.06))
    });
    loss.line(&mut drawing, "loss", points.collect::<Vec<_>>());
    drawing.text(RATES.0 + loss.wide / 2.0, height - 12.0, "middle", "hours");
    drawing.0 + "</svg>\n"
}

fn legend(drawing: &mut Drawing) {
    let mut left = RATES.0;
    for provider in PROVIDERS {
        let _ = write!(
            drawing.0,
            "<path class=\"line l{provider}\" d=\"M{left} 50h26\"/>\n\
             <rect class=\"share f{provider}\" x=\"{:.1}\" y=\"44\" width=\"12\" height=\"12\"/>\n",
            left + 32.0
        );
        drawing.text(left + 50.0, 54.0, "", &format!("provider {provider}"));
        left += 140.0;
    }
}

// === impl Drawing, Panel ===

impl Drawing {
    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let _ = writeln!(self.0, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
}

impl Panel {
    fn x(&self, hour: f64) -> f64 {
        self.left + self.wide * hour / HOURS
    }

    fn y(&self, share: f64) -> f64 {
        self.top + self.tall * (1.0 - share / self.most)
    }

    /// The axes, with these shares and every day.
    fn frame(&self, drawing: &mut Drawing, shares: &[f64]) {
        for share in shares {
            let y = self.y(*share);
            let _ = writeln!(drawing.0, "<path class=\"grid\" d=\"M{:.1} {y:.1}h{:.1}\"/>", self.left, self.wide);
            drawing.text(self.left - 6.0, y + 4.0, "end", &format!("{:.0} %", share * 100.0));
        }
        let mut hour = 0.0;
        while hour <= HOURS {
            let x = self.x(hour);
            let _ = writeln!(drawing.0, "<path class=\"grid\" d=\"M{x:.1} {:.1}v{:.1}\"/>", self.top, self.tall + 4.0);
            drawing.text(x, self.top + self.tall + 17.0, "middle", &format!("{hour:.0}"));
            hour += 24.0;
        }
    }

    fn line(&self, drawing: &mut Drawing, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let points: Vec<String> =
            points.into_iter().map(|(hour, share)| format!("{:.1} {:.1}", self.x(hour), self.y(share))).collect();
        let _ = writeln!(drawing.0, "<path class=\"line {class}\" d=\"M{}\"/>", points.join("L"));
    }

    /// The shares of the providers, one on top of the other, hour by hour.
    fn stack(&self, drawing: &mut Drawing, outcome: &Outcome, country: usize) {
        let below = |hour: usize, providers: usize| {
            let counts = outcome.traffic[hour][country];
            let sum: u32 = counts.iter().sum();
            f64::from(counts[..providers].iter().sum::<u32>()) / f64::from(sum.max(1))
        };
        let hours = outcome.traffic.len();
        for (place, provider) in PROVIDERS.iter().enumerate() {
            // There along the upper edge, back along the lower one, in steps of an hour.
            let mut path = format!("M{:.1} {:.1}", self.x(0.0), self.y(below(0, place + 1)));
            for hour in 0..hours {
                let _ = write!(path, "V{:.1}H{:.1}", self.y(below(hour, place + 1)), self.x(hour as f64 + 1.0));
            }
            for hour in (0..hours).rev() {
                let _ = write!(path, "V{:.1}H{:.1}", self.y(below(hour, place)), self.x(hour as f64));
            }
            let _ = writeln!(drawing.0, "<path class=\"share f{provider}\" d=\"{path}Z\"/>");
        }
    }
}
