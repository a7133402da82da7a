//! What Tab offers: [`Completion`].

/// What could stand in place of what was typed last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// Where that begins, in octets of the line; it ends at the cursor.
    pub start: usize,
    /// What could stand there, in order; each is complete, with quotes where they are needed.
    pub candidates: Vec<String>,
}
