//! Command lines in, settings or complaints out.

use super::*;

fn parse_with(line: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let arguments = std::iter::once("zchat").chain(line.split_whitespace());
    Settings::parse(arguments.map(OsString::from), |variable| {
        let value = environment.iter().find(|(name, _)| *name == variable);
        value.map(|(_, value)| OsString::from(value))
    })
    .map_err(|error| error.to_string())
}

fn parse(line: &str) -> Settings {
    parse_with(line, &[]).unwrap()
}

/// What is complained about, without usage and advice.
fn complaint(line: &str, environment: &[(&str, &str)]) -> String {
    let text = parse_with(line, environment).unwrap_err();
    let first = text.split("\n\n").next().unwrap();
    first.trim_start_matches("error: ").to_owned()
}

fn groups(settings: &Settings) -> Vec<&str> {
    settings.groups.iter().map(GroupName::as_str).collect()
}

#[test]
fn without_options_one_chats_in_chat_under_ones_login_name() {
    let settings = parse("");
    assert_eq!(settings.task, Task::Chat);
    assert_eq!(groups(&settings), ["CHAT"]);
    assert_eq!(settings.name.as_str(), whoami::username().unwrap());
    assert_eq!(settings.port, 5_670);
    assert_eq!(settings.bind_port, None);
    assert_eq!(settings.wait, Duration::from_secs(5));
    assert_eq!(settings.interfaces, Vec::<String>::new());
}

#[test]
fn all_options_may_stand_before_and_behind_the_subcommand() {
    let before = "-n alice -i lo -i 10.0.0.5 -p 5700 --bind-port 49999 --peer 10.0.0.9:50000 \
                  --header a=b --header c=d=e --interval 100 --evasive 200 --expired 300 \
                  --wait 0.5 --json --color never -vv";
    let first = parse(&format!("{before} peers"));
    let last = parse(&format!("peers {before}"));
    assert_eq!(first, last);
    assert_eq!(first.task, Task::Peers);
    assert_eq!(first.interfaces, ["lo", "10.0.0.5"]);
    assert_eq!(first.bind_port, Some(49_999));
    assert_eq!(first.peers, ["10.0.0.9:50000".parse().unwrap()]);
    assert_eq!(first.headers.get("c"), Some("d=e"));
    assert_eq!(first.wait, Duration::from_millis(500));
    assert_eq!(first.color, Color::Never);
    assert_eq!(first.verbose, 2);
    assert!(first.json);
    assert!(groups(&first).is_empty());
}

#[test]
fn send_takes_its_text_from_the_arguments_joined_by_spaces() {
    let settings = parse("send --to bob --group G --to eve see you at -- -10 --json");
    let Task::Send { to, text } = &settings.task else {
        panic!("{settings:?}");
    };
    assert_eq!(to, &["bob", "eve"]);
    assert_eq!(groups(&settings), ["G"]);
    assert_eq!(text.as_deref(), Some("see you at -10 --json"));
    let settings = parse("send --to bob");
    assert!(matches!(settings.task, Task::Send { text: None, .. }));
}

#[test]
fn every_option_is_an_environment_variable_and_the_command_line_goes_first() {
    let environment = [
        ("ZCHAT_NAME", "envy"),
        ("ZCHAT_GROUP", "one,two words"),
        ("ZCHAT_INTERFACE", "lo"),
        ("ZCHAT_PORT", "5999"),
        ("ZCHAT_BIND_PORT", "50001"),
        ("ZCHAT_HEADER", "a=1,b=2"),
        ("ZCHAT_JSON", "1"),
        ("ZCHAT_VERBOSE", "2"),
        ("ZCHAT_WAIT", ""),
        ("ZCHAT_EVERY", "7"),
    ];
    let settings = parse_with("--name alice -i eth0", &environment).unwrap();
    assert_eq!(settings.name.as_str(), "alice");
    assert_eq!(groups(&settings), ["one", "two words"]);
    assert_eq!(settings.interfaces, ["eth0"]);
    assert_eq!(settings.port, 5_999);
    assert_eq!(settings.bind_port, Some(50_001));
    assert_eq!(settings.headers.get("b"), Some("2"));
    assert_eq!(settings.verbose, 2);
    assert_eq!(settings.wait, WAIT);
    assert!(settings.json);
    let settings = parse_with("tracker", &environment).unwrap();
    let every = Duration::from_secs(7);
    assert_eq!(settings.task, Task::Tracker { every });
}

#[test]
fn the_doctor_waits_as_long_as_it_needs() {
    assert_eq!(parse("doctor").task, Task::Doctor);
    assert_eq!(parse("doctor").wait, Duration::from_secs(3));
    assert_eq!(parse("--wait 1 doctor").wait, Duration::from_secs(1));
}

#[test]
fn what_is_sent_to_one_peer_does_not_go_to_the_group_of_the_environment() {
    let environment = [("ZCHAT_GROUP", "everybody"), ("ZCHAT_TO", "bob")];
    let settings = parse_with("send --to eve psst", &environment).unwrap();
    assert!(groups(&settings).is_empty());
    assert!(matches!(settings.task, Task::Send { to, .. } if to == ["eve"]));
    let settings = parse_with("send --group few psst", &environment).unwrap();
    assert_eq!(groups(&settings), ["few"]);
    assert!(matches!(settings.task, Task::Send { to, .. } if to.is_empty()));
    let settings = parse_with("send psst", &environment).unwrap();
    assert_eq!(groups(&settings), ["everybody"]);
}

#[test]
fn peers_and_what_is_advertised_may_be_ipv6_and_a_port_is_needed_for_a_peer_only() {
    let settings =
        parse("--peer [2001:db8::5]:49152 --peer [fe80::5%2]:49152 --advertise 203.0.113.5");
    let peers: Vec<String> = settings.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["[2001:db8::5]:49152", "[fe80::5%2]:49152"]);
    let advertised = |line: &str| parse(line).advertise.unwrap().to_string();
    assert_eq!(advertised("--advertise 203.0.113.5"), "203.0.113.5:0");
    assert_eq!(
        advertised("--advertise 203.0.113.5:4000"),
        "203.0.113.5:4000"
    );
    assert_eq!(
        advertised("--advertise [2001:db8::5]:4000"),
        "[2001:db8::5]:4000"
    );
    assert!(!settings.remember && parse("--remember").remember);
}

#[test]
fn wrong_values_are_refused_with_what_would_be_right() {
    let long = "x".repeat(256);
    for (line, expected) in [
        ("--bogus", "unexpected argument '--bogus' found"),
        ("hello", "unrecognized subcommand 'hello'"),
        ("--port 0", "a port is a number from 1 to 65535"),
        ("--port 65536", "a port is a number from 1 to 65535"),
        ("--port x", "a port is a number from 1 to 65535"),
        ("--bind-port 0", "a port is a number from 1 to 65535"),
        ("--peer bob", "a peer is an IP address and a TCP port"),
        (
            "--peer 10.0.0.1:0",
            "a peer is an IP address and a TCP port",
        ),
        ("--advertise here", "what to advertise is an IP address"),
        ("--advertise 0.0.0.0", "what to advertise is an IP address"),
        ("--header novalue", "a header is written KEY=VALUE"),
        ("--header =x", "header name"),
        ("--interval 0", "milliseconds"),
        ("--wait -1", "unexpected argument '-1'"),
        ("--wait=-1", "a time in seconds"),
        ("--wait inf", "a time in seconds"),
        ("--wait NaN", "a time in seconds"),
        (
            "--evasive 5000 --expired 5000",
            "--expired must be longer than --evasive",
        ),
        ("--group=", "a group name needs at least one character"),
        ("--name=", "a name needs at least one character"),
        ("--interface=", "an interface is a name"),
        ("tracker --every 0", "from 0.1"),
        (
            "send hello",
            "nobody to send to: give --group GROUP or --to NAME",
        ),
        ("send --to= hello", "a name has at least one character"),
        ("--every 5", "unexpected argument '--every' found"),
        (&format!("--name {long}"), "256 octets long"),
        (&format!("--group {long}"), "256 octets long"),
        ("--name a\u{7}b", "control character"),
        ("--group a\u{1b}b", "control character"),
    ] {
        let text = complaint(line, &[]);
        assert!(text.contains(expected), "{line:?}: {text}");
    }
}

#[test]
fn what_a_wrong_value_holds_does_nothing_to_the_terminal() {
    for (line, variable) in [
        ("--name a\u{1b}[31mb", ""),
        ("--bogus\u{1b}[31m", ""),
        ("", "a\u{1b}b"),
    ] {
        let text = parse_with(line, &[("ZCHAT_NAME", variable)]).unwrap_err();
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(text.contains("\\u{1b}"), "{text:?}");
    }
}

#[test]
fn wrong_usage_of_send_tells_how_send_is_written() {
    for line in ["send hello", "send --to bob --bogus", "send"] {
        let text = parse_with(line, &[]).unwrap_err();
        assert!(
            text.contains("Usage: zchat send [OPTIONS] (--group GROUP"),
            "{line}: {text}"
        );
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (variable, value, expected) in [
        ("ZCHAT_PORT", "0", "ZCHAT_PORT: invalid value '0'"),
        ("ZCHAT_JSON", "maybe", "ZCHAT_JSON: it must be 1 or 0"),
        ("ZCHAT_GROUP", "a,,b", "ZCHAT_GROUP: invalid value ''"),
        ("ZCHAT_COLOR", "pink", "ZCHAT_COLOR: invalid value 'pink'"),
    ] {
        let text = complaint("", &[(variable, value)]);
        assert!(text.contains(expected), "{variable}: {text}");
    }
}

#[test]
fn a_text_that_cannot_be_sent_is_refused_at_once() {
    let long = "x".repeat(TEXT_OCTETS + 1);
    let text = complaint(&format!("send --to bob {long}"), &[]);
    assert!(
        text.contains("65537 octets long; at most 65536 are sent"),
        "{text}"
    );
}

#[test]
fn the_help_fits_a_screen_and_knows_every_option() {
    // The shell wants a row as well.
    assert!(HELP.lines().count() < 24, "{} lines", HELP.lines().count());
    for line in HELP.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let command = Arguments::command();
    for argument in command.get_arguments() {
        let option = argument.get_long().unwrap();
        assert!(HELP.contains(&format!("--{option}")) || option == "help" || option == "version");
    }
    for subcommand in command.get_subcommands() {
        assert!(HELP.contains(&format!("zchat {}", subcommand.get_name())));
        let help = subcommand
            .clone()
            .term_width(80)
            .render_long_help()
            .to_string();
        assert!(help.lines().count() < 24, "{help}");
        assert!(
            help.lines().all(|line| line.chars().count() <= 80),
            "{help}"
        );
    }
}

#[test]
fn the_definition_is_one_that_clap_accepts() {
    Arguments::command().debug_assert();
}
