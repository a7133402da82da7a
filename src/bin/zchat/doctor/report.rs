//! Findings as text, in 80 columns, and as lines of JSON.

use std::io::{self, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;
use zchat::chat::{Stamp, harmless};

use super::facts::Facts;
use super::findings::{Finding, Severity, Step};

/// The widest line; commands may be longer, since they are to be copied.
const WIDTH: usize = 80;

/// Where text begins, behind the severity.
const INDENT: usize = 9;

const PLAIN: &str = "\x1b[m";
const BOLD: &str = "\x1b[1m";

/// Writes for a person.
pub(super) fn text(mut to: impl Write, findings: &[Finding], facts: &Facts) -> io::Result<()> {
    for finding in findings {
        write(&mut to, finding)?;
    }
    let seconds = facts.listened.as_secs_f32();
    writeln!(
        to,
        "\n{}, after {seconds:.0} s of listening on UDP port {}.",
        summary(findings),
        facts.port
    )?;
    to.flush()
}

fn write(to: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let word = word(finding.severity);
    let style = style(finding.severity);
    let padding = " ".repeat(INDENT.saturating_sub(word.len()));
    write!(to, "{style}{word}{PLAIN}{padding}")?;
    let indent = " ".repeat(INDENT);
    for (number, line) in wrap(&finding.what).iter().enumerate() {
        let before = if number == 0 { "" } else { indent.as_str() };
        writeln!(to, "{before}{line}")?;
    }
    for line in wrap(&finding.why) {
        writeln!(to, "{indent}{line}")?;
    }
    for step in &finding.steps {
        match step {
            Step::Say(advice) => {
                for line in wrap(advice) {
                    writeln!(to, "{indent}{line}")?;
                }
            }
            Step::Run(command) => {
                let command = harmless(command);
                writeln!(to, "{indent}  {BOLD}{command}{PLAIN}")?;
            }
        }
    }
    Ok(())
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "problem",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

const fn style(severity: Severity) -> &'static str {
    match severity {
        Severity::Problem => "\x1b[1;31m",
        Severity::Warning => "\x1b[1;35m",
        Severity::Note => "\x1b[2m",
    }
}

/// `2 problems and 1 warning`
fn summary(findings: &[Finding]) -> String {
    let counted = |severity| {
        let count = findings
            .iter()
            .filter(|one| one.severity == severity)
            .count();
        let ending = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{ending}", word(severity)))
    };
    let parts: Vec<String> = [Severity::Problem, Severity::Warning]
        .into_iter()
        .filter_map(counted)
        .collect();
    if parts.is_empty() {
        "Nothing is in the way".to_owned()
    } else {
        parts.join(" and ")
    }
}

/// Lines that fit behind the indent. Words that are too long stay whole.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // Names of programs, interfaces and nodes are in it, which may hold what a terminal would obey.
    let text = harmless(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let room = WIDTH - INDENT;
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Writes for a program: one object a line.
pub(super) fn json(mut to: impl Write, findings: &[Finding], time: Stamp) -> io::Result<()> {
    for finding in findings {
        let of_kind = |step: &Step| match step {
            Step::Say(advice) => (Some(advice.clone()), None),
            Step::Run(command) => (None, Some(command.clone())),
        };
        let (advice, commands): (Vec<_>, Vec<_>) = finding.steps.iter().map(of_kind).unzip();
        let record = Record {
            event: "finding",
            time,
            severity: word(finding.severity),
            code: finding.code,
            what: &finding.what,
            why: &finding.why,
            advice: advice.into_iter().flatten().collect(),
            commands: commands.into_iter().flatten().collect(),
        };
        serde_json::to_writer(&mut to, &record)?;
        writeln!(to)?;
    }
    to.flush()
}

#[derive(Serialize)]
struct Record<'a> {
    event: &'static str,
    time: Stamp,
    severity: &'static str,
    code: &'static str,
    what: &'a str,
    why: &'a str,
    advice: Vec<String>,
    commands: Vec<String>,
}
