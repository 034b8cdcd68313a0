//! Numbers as people read them.

use std::{fmt, time::Duration};

/// A table in Markdown.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        Table(vec![columns.iter().map(|&name| name.into()).collect()])
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, row) in self.0.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if n == 0 {
                writeln!(f, "|{}", "---|".repeat(row.len()))?;
            }
        }
        Ok(())
    }
}

/// How long something took, many times.
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn new(mut samples: Vec<Duration>) -> Self {
        samples.sort();
        Samples(samples)
    }

    /// So large a part of them is within this.
    pub fn within(&self, part: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0[(last as f64 * part).round() as usize]
    }

    /// The same in milliseconds.
    pub fn at(&self, part: f64) -> String {
        milliseconds(self.within(part))
    }
}

pub fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    match milliseconds {
        0.0..10.0 => format!("{milliseconds:.2} ms"),
        10.0..100.0 => format!("{milliseconds:.1} ms"),
        _ => format!("{milliseconds:.0} ms"),
    }
}
