use super::*;

fn add(arn: &str, tags: Vec<Tag>) -> AddTagsToResource {
    AddTagsToResource { resource_name: arn.to_owned(), tags }
}

fn tags_of(cloud: &mut InMemory, arn: &str) -> Vec<Tag> {
    cloud.call(&ListTagsForResource { resource_name: arn.to_owned() }).unwrap().0
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let mut cloud = single();
    let arn = cloud.show("orders").db_instance_arn;
    cloud.call(&add(&arn, vec![Tag::new("a", "1"), Tag::new("b", "2")])).unwrap();
    cloud.call(&add(&arn, vec![Tag::new("a", "3")])).unwrap();
    cloud.call(&RemoveTagsFromResource { resource_name: arn.clone(), tag_keys: vec!["b".into()] }).unwrap();
    assert_eq!(tags_of(&mut cloud, &arn), [Tag::new("a", "3")]);
}

#[test]
fn snapshots_have_tags_too() {
    let mut cloud = single();
    let arn = cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap().db_snapshot_arn;
    cloud.call(&add(&arn, vec![Tag::new("lifeboat:verified", "2026-09-27T20:30:00Z")])).unwrap();
    assert_eq!(tags_of(&mut cloud, &arn).len(), 1);
}

#[test]
fn tags_that_aws_refuses_are_refused() {
    let mut cloud = single();
    let arn = cloud.show("orders").db_instance_arn;
    let long = "x".repeat(257);
    for tag in [Tag::new("aws:a", "1"), Tag::new("rds:a", "1"), Tag::new("", "1"), Tag::new("a", &long), Tag::new("a", "<b>")] {
        assert_eq!(code(cloud.call(&add(&arn, vec![tag]))), "InvalidParameterValue");
    }
    let fifty_one = (0..51).map(|n| Tag::new(format!("k{n}"), "v")).collect();
    assert_eq!(code(cloud.call(&add(&arn, fifty_one))), "InvalidParameterValue");
    assert_eq!(tags_of(&mut cloud, &arn), []);
}

#[test]
fn a_resource_that_does_not_exist_has_no_tags() {
    let mut cloud = empty();
    let list = |arn: &str| ListTagsForResource { resource_name: arn.to_owned() };
    assert_eq!(code(cloud.call(&list("arn:aws:rds:us-east-1:123456789012:db:none"))), "DBInstanceNotFound");
    assert_eq!(code(cloud.call(&list("arn:aws:rds:us-east-1:123456789012:snapshot:none"))), "DBSnapshotNotFound");
    assert_eq!(code(cloud.call(&list("none"))), "InvalidParameterValue");
}
