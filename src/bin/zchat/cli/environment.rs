//! Options from the environment: `ZCHAT_PORT` is `--port`, and so on for every option.
//!
//! An option that may be repeated takes several values with commas between them; a value with a
//! comma in it can only be given on the command line.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, CommandFactory, Parser};

use super::Arguments;

/// What the environment says for this subcommand. An empty variable says nothing.
pub(super) fn read(
    subcommand: Option<&'static str>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Arguments, clap::Error> {
    let command = Arguments::command();
    let own = subcommand.and_then(|name| command.find_subcommand(name));
    let known = command
        .get_arguments()
        .chain(own.into_iter().flat_map(clap::Command::get_arguments));
    let start: Vec<String> = std::iter::once("zchat")
        .chain(subcommand)
        .map(str::to_owned)
        .collect();
    let mut arguments = start.clone();
    for argument in known {
        let Some(option) = argument.get_long() else {
            continue;
        };
        let variable = variable(option);
        let Some(value) = environment(&variable).filter(|value| !value.is_empty()) else {
            continue;
        };
        let words = words(argument, option, &value).map_err(|why| refused(&variable, why))?;
        // Each by itself, to name the variable that is wrong.
        Arguments::try_parse_from(start.iter().chain(&words)).map_err(|error| {
            let text = super::values::visible(error).to_string();
            let first = text.lines().next().unwrap_or_default();
            refused(&variable, first.trim_start_matches("error: "))
        })?;
        arguments.extend(words);
    }
    Arguments::try_parse_from(arguments)
}

/// The variable for an option.
pub(super) fn variable(option: &str) -> String {
    format!("ZCHAT_{}", option.to_uppercase().replace('-', "_"))
}

/// What one would write on the command line instead.
fn words(argument: &Arg, option: &str, value: &OsStr) -> Result<Vec<String>, &'static str> {
    let value = value.to_str().ok_or("it is not UTF-8")?;
    let flag = format!("--{option}");
    match argument.get_action() {
        ArgAction::Set => Ok(vec![format!("{flag}={value}")]),
        ArgAction::Append => Ok(value
            .split(',')
            .map(|value| format!("{flag}={value}"))
            .collect()),
        ArgAction::Count => match value.parse::<u8>() {
            Ok(count) => Ok(vec![flag; usize::from(count)]),
            Err(_) => Ok(switch(value)?.then_some(flag).into_iter().collect()),
        },
        ArgAction::SetTrue => Ok(switch(value)?.then_some(flag).into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

fn switch(value: &str) -> Result<bool, &'static str> {
    match value.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("it must be 1 or 0"),
    }
}

fn refused(variable: &str, why: &str) -> clap::Error {
    Arguments::command().error(
        ErrorKind::ValueValidation,
        format!("the environment variable {variable}: {why}"),
    )
}
