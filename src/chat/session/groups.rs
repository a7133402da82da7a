//! Groups: joining, leaving, and who is in them.

use super::Session;
use crate::chat::item::{GroupRow, Item};
use crate::chat::merge::listed;
use crate::chat::naming::Who;
use crate::chat::sanitize;
use crate::zre::{Action, GroupName};

/// The most groups that we are in: each is told to everybody, in every greeting.
const OWN_GROUPS: usize = 256;

impl Session {
    /// `/join` and `/create`.
    pub(super) fn join(&mut self, group: &str, create: bool) {
        let Some(group) = self.group_named(group) else {
            return;
        };
        let shown = sanitize::label(&group).into_owned();
        let joined_already = self.groups.contains(&group);
        if joined_already {
            self.current = Some(group);
            self.set_right();
            let exists = if create {
                "exists already; you"
            } else {
                "is current; you"
            };
            self.notice(format!("{shown} {exists} are in it"));
            return;
        }
        if self.groups.len() >= OWN_GROUPS {
            self.refuse(&format!(
                "you are in {OWN_GROUPS} groups, and can be in no more"
            ));
            return;
        }
        self.act(Action::Join(group.clone()));
        self.people.join(&group);
        self.groups.push(group.clone());
        self.current = Some(group.clone());
        self.set_right();
        let members = self.members(&group).into_iter().map(|who| who.shown);
        let members: Vec<String> = members.collect();
        for peer in self.people.members(&group).collect::<Vec<_>>() {
            if let Some(person) = self.people.person_mut(peer) {
                person.announced = true;
            }
        }
        self.notice(match (create, members.as_slice()) {
            (false, []) => format!("you joined {shown}; nobody else is in it"),
            (false, [..]) => format!("you joined {shown}, with {}", listed(&members)),
            (true, []) => format!("you created {shown}"),
            (true, [..]) => {
                format!(
                    "{shown} exists already; you joined it, with {}",
                    listed(&members)
                )
            }
        });
        self.tell_namesake();
    }

    /// `/leave`.
    pub(super) fn leave(&mut self, group: Option<&str>) {
        let group = match group {
            Some(name) => self.group_named(name),
            None if self.current.is_none() => {
                self.refuse("you are in no group");
                None
            }
            None => self.current.clone(),
        };
        let Some(group) = group.filter(|group| self.is_ours(group, "/leave [GROUP]")) else {
            return;
        };
        self.act(Action::Leave(group.clone()));
        self.people.leave(&group);
        self.groups.retain(|joined| *joined != group);
        let left = format!("you left {}", sanitize::label(&group));
        if self.current.as_ref() != Some(&group) {
            self.notice(left);
            return;
        }
        self.current = self.groups.last().cloned();
        self.notice(match &self.current {
            Some(current) => format!("{left}; the current group is {}", sanitize::label(current)),
            None => format!("{left}, and are in no group now"),
        });
    }

    /// `/switch`.
    pub(super) fn switch(&mut self, group: &str) {
        let group = self.group_named(group);
        let Some(group) = group.filter(|group| self.is_ours(group, "/join GROUP")) else {
            return;
        };
        self.notice(format!("the current group is {}", sanitize::label(&group)));
        self.current = Some(group);
        self.set_right();
    }

    /// `/groups`.
    pub(super) fn list_groups(&mut self) {
        let groups = self.people.groups().map(|group| group.name().clone());
        let groups: Vec<GroupName> = groups.collect();
        if groups.is_empty() {
            self.notice("there are no groups".to_owned());
            return;
        }
        let rows = groups.iter().map(|group| self.row(group)).collect();
        self.show(Item::Groups(rows));
    }

    /// `/names`.
    pub(super) fn list_members(&mut self, group: Option<&str>) {
        let group = match group {
            Some(name) => self.group_named(name),
            None if self.current.is_none() => {
                self.refuse("you are in no group; usage: /names [GROUP]");
                None
            }
            None => self.current.clone(),
        };
        let Some(group) = group else {
            return;
        };
        let row = self.row(&group);
        if row.members.is_empty() && row.own.is_none() {
            self.refuse(&format!("nobody is in {}", sanitize::label(&group)));
        } else {
            self.show(Item::Groups(vec![row]));
        }
    }

    fn row(&self, group: &GroupName) -> GroupRow {
        GroupRow {
            group: group.to_string(),
            members: self.members(group),
            own: self.groups.contains(group).then(|| self.ourselves()),
            current: self.current.as_ref() == Some(group),
        }
    }

    /// Who else is in a group, in the order of their names.
    pub(super) fn members(&self, group: &GroupName) -> Vec<Who> {
        self.people.named(self.people.members(group))
    }

    /// Whether we are in a group; if not, tells so, and what could be typed.
    fn is_ours(&mut self, group: &GroupName, usage: &str) -> bool {
        if self.groups.contains(group) {
            return true;
        }
        let shown = sanitize::label(group);
        self.refuse(&format!("you are not in {shown}; usage: {usage}"));
        false
    }
}
