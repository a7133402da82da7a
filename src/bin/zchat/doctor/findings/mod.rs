//! What is wrong, why, and what to do: from [`Facts`] to [`Finding`]s. Asks nobody, and prints nothing.
//!
//! Each cause is named once: what follows from another finding is left out.

mod alone;
mod detours;
mod firewall;
mod host;
mod interfaces;
mod links;
mod peers;
mod places;
mod ports;

use zchat::node::interface::Selection;

use super::facts::Facts;
use detours::Detours;
use places::Nodes;

/// Something that is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// Always the same word for the same situation: for programs.
    pub(crate) code: &'static str,
    pub(crate) what: String,
    /// Empty where there is nothing to explain.
    pub(crate) why: String,
    pub(crate) steps: Vec<Step>,
}

/// How bad it is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Somebody is missing from the list because of it.
    Problem,
    /// Somebody may be missing because of it.
    Warning,
    /// All is well with it.
    Note,
}

/// What to do about it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Say(String),
    /// A command to type.
    Run(String),
}

impl Finding {
    fn new(severity: Severity, code: &'static str, what: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            what: what.into(),
            why: String::new(),
            steps: Vec::new(),
        }
    }

    fn problem(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Problem, code, what)
    }

    fn warning(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, what)
    }

    fn note(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, what)
    }

    fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    fn say(mut self, advice: impl Into<String>) -> Self {
        self.steps.push(Step::Say(advice.into()));
        self
    }

    fn run(mut self, command: impl Into<String>) -> Self {
        self.steps.push(Step::Run(command.into()));
        self
    }

    fn run_all(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.steps.extend(commands.into_iter().map(Step::Run));
        self
    }
}

/// All findings, the worst first.
pub(crate) fn diagnose(facts: &Facts) -> Vec<Finding> {
    let nodes = Nodes::of(facts);
    let mut findings = interfaces::diagnose(facts);
    findings.extend(ports::diagnose(facts, &nodes));
    let detours = Detours::of(facts);
    findings.extend(detours.diagnose());
    let (in_the_way, walls) = firewall::diagnose(facts, &nodes);
    findings.extend(walls);
    findings.extend(links::diagnose(facts, &in_the_way));
    findings.extend(ports::own_beacons(facts, &nodes, &in_the_way));
    findings.extend(peers::diagnose(facts, &nodes, &in_the_way, &detours));
    findings.extend(host::diagnose(facts));
    findings.extend(alone::diagnose(facts, &nodes, &in_the_way));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The command that looks again, with the same options, as root.
fn as_root(facts: &Facts) -> String {
    let mut command = "sudo zchat doctor".to_owned();
    if facts.port != zchat::node::beacon::PORT {
        command += &format!(" --port {}", facts.port);
    }
    if let Selection::Named(choices) = &facts.selection {
        for choice in choices {
            command += &format!(" --interface {choice}");
        }
    }
    if let Some(port) = facts.bind_port {
        command += &format!(" --bind-port {port}");
    }
    for visit in facts.visits.iter().filter(|visit| visit.is_named) {
        command += &format!(" --peer {}", visit.to);
    }
    command
}

/// Whether there is more than notes.
pub(crate) fn is_healthy(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity == Severity::Note)
}

/// `a, b and c`; beyond the first few, how many more there are.
fn enumerate<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    /// The most that are named.
    const NAMED: usize = 4;

    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.len() > NAMED + 1 {
        let more = items.len() - NAMED;
        items.truncate(NAMED);
        items.push(format!("{more} more"));
    }
    let last = items.pop().unwrap_or_default();
    if items.is_empty() {
        last
    } else {
        format!("{} and {last}", items.join(", "))
    }
}

#[cfg(test)]
mod tests;
