//! The manual has the table of commands that the program has.

use zchat::chat::COMMANDS;

/// The table, as the manual writes it.
fn table() -> String {
    let mut table = String::from("| Command | Also | Does |\n| --- | --- | --- |\n");
    for info in COMMANDS {
        let usage = info.usage.replace(", or ", "` or `");
        let also: Vec<String> = info.also.iter().map(|also| format!("`{also}`")).collect();
        table.push_str(&format!(
            "| `{usage}` | {} | {} |\n",
            also.join(", "),
            info.help
        ));
    }
    table.replace("|  |", "| |")
}

#[test]
fn the_manual_has_the_commands_that_there_are() {
    let manual = include_str!("../../docs/manual.md");
    let (_, after) = manual.split_once("command.rs -->\n").unwrap();
    let (written, _) = after.split_once("<!-- end of commands -->").unwrap();
    assert_eq!(written, table(), "copy the right side into docs/manual.md");
}
