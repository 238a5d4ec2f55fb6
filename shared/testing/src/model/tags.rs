//! Tags of instances and snapshots.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::words::Tag;
use super::{Action, AddTagsToResource, ApiError, ListTagsForIam, ListTagsForResource, Model, RemoveTagsFromResource, names};

const MOST_TAGS: usize = 50;

impl Action for AddTagsToResource {
    const NAME: &'static str = "AddTagsToResource";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = None;
    type Output = ();

    fn resource(&self) -> &str {
        &self.resource_name
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<(), ApiError> {
        check(&self.tags)?;
        let tags = model.tags_of(&self.resource_name)?;
        let mut after = tags.clone();
        add(&mut after, &self.tags, true);
        if after.len() > MOST_TAGS {
            return Err(ApiError::value(format!("A resource has at most {MOST_TAGS} tags.")));
        }
        *tags = after;
        Ok(())
    }
}

impl Action for RemoveTagsFromResource {
    const NAME: &'static str = "RemoveTagsFromResource";
    const MUTATES: bool = true;
    const RESULT: Option<&'static str> = None;
    type Output = ();

    fn resource(&self) -> &str {
        &self.resource_name
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<(), ApiError> {
        model.tags_of(&self.resource_name)?.retain(|tag| !self.tag_keys.contains(&tag.key));
        Ok(())
    }
}

/// What `ListTagsForResource` answers.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct TagList(pub Vec<Tag>);

impl Action for ListTagsForResource {
    const NAME: &'static str = "ListTagsForResource";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = Some("TagList");
    type Output = TagList;

    fn resource(&self) -> &str {
        &self.resource_name
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<TagList, ApiError> {
        model.tags_of(&self.resource_name).map(|tags| TagList(tags.clone()))
    }
}

impl Action for ListTagsForIam {
    const NAME: &'static str = "ListTagsForIam";
    const MUTATES: bool = false;
    const RESULT: Option<&'static str> = Some("TagList");
    type Output = TagList;

    fn resource(&self) -> &str {
        &self.resource_name
    }

    fn run(&self, model: &mut Model, _now: DateTime<Utc>) -> Result<TagList, ApiError> {
        model.kept_cache_tags(&self.resource_name).map(TagList)
    }
}

impl Model {
    fn tags_of(&mut self, arn: &str) -> Result<&mut Vec<Tag>, ApiError> {
        if arn.split(':').nth(2) == Some("elasticache") {
            return self.cache_tags(arn);
        }
        match names::parse_arn(arn) {
            Some(("db", name)) => {
                let id = self.find(name)?;
                self.instances.get_mut(&id).map(|it| &mut it.shown.tag_list).ok_or_else(|| ApiError::no_instance(name))
            }
            Some(("snapshot", name)) => {
                let found = self.snapshots.get_mut(&name.to_ascii_lowercase());
                found.map(|snapshot| &mut snapshot.shown.tag_list).ok_or_else(|| ApiError::no_snapshot(name))
            }
            Some((kind @ ("cluster" | "cluster-snapshot"), name)) => self.cluster_tags(kind, name),
            _ => Err(ApiError::value(format!("Invalid resource name: {arn}"))),
        }
    }
}

/// AWS's rules for tags that a caller sends.
pub(crate) fn check(tags: &[Tag]) -> Result<(), ApiError> {
    let legal = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
    for Tag { key, value } in tags {
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("rds:") {
            return Err(ApiError::value(format!("The tag key {key} is reserved: it begins with aws: or rds:.")));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(ApiError::value(format!("The tag {key} is too long: a key has 1 to 128 characters, a value at most 256.")));
        }
        if !legal(key) || !legal(value) {
            return Err(ApiError::value(format!("The tag {key} has characters that AWS does not accept.")));
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(ApiError::value(format!("A resource has at most {MOST_TAGS} tags.")));
    }
    Ok(())
}

/// Adds tags; where a key is there already, the new value wins only if it may `overwrite`.
pub(crate) fn add(tags: &mut Vec<Tag>, more: &[Tag], overwrite: bool) {
    for tag in more {
        match tags.iter_mut().find(|old| old.key == tag.key) {
            Some(old) if overwrite => old.value.clone_from(&tag.value),
            Some(_) => {}
            None => tags.push(tag.clone()),
        }
    }
}
