use super::*;

fn groups(cloud: &mut InMemory) -> Vec<String> {
    let groups = cloud.show("orders").vpc_security_groups;
    groups.into_iter().map(|group| format!("{} {}", group.vpc_security_group_id, group.status)).collect()
}

fn swap(groups: &[&str]) -> ModifyDbInstance {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    ModifyDbInstance { vpc_security_group_ids: Some(groups), ..ModifyDbInstance::now("orders") }
}

#[test]
fn groups_are_adding_and_removing_before_they_are_in_force() {
    let mut cloud = cloud(|config| config.vpc_security_group_ids = Some(vec!["sg-app".into(), "sg-ops".into()]));
    cloud.call(&swap(&["sg-ops", "sg-new"])).unwrap();
    assert_eq!(groups(&mut cloud), ["sg-app removing", "sg-ops active", "sg-new adding"]);
    cloud.advance(seconds(20));
    assert_eq!(groups(&mut cloud), ["sg-ops active", "sg-new active"]);
}

#[test]
fn a_fence_lets_nobody_in_and_leaves_in_who_is_in() {
    let mut cloud = single();
    let server = cloud.show("orders").dbi_resource_id;
    let inside = cloud.login("orders", PASSWORD).unwrap();
    cloud.call(&swap(&["sg-fence"])).unwrap();
    assert!(cloud.login("orders", PASSWORD).is_ok(), "not in force yet");
    cloud.advance(seconds(20));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::PortClosed));
    let now = cloud.now();
    assert_eq!(cloud.data.write(&server, inside, ("orders", "late"), Some("1"), now), Ok(()), "a connection that stands is tracked");
    cloud.call(&reboot("orders", false)).unwrap();
    cloud.advance(minutes(3));
    assert_eq!(cloud.data.read(&server, inside, "orders"), Err(LoginError::SessionCut));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::PortClosed), "a reboot does not open the port");
}

#[test]
fn a_fence_beside_an_open_group_keeps_nobody_out() {
    let mut cloud = single();
    cloud.call(&swap(&["sg-fence", "sg-app"])).unwrap();
    cloud.advance(seconds(20));
    assert!(cloud.login("orders", PASSWORD).is_ok());
}

#[test]
fn taking_the_fence_away_opens_the_port_again() {
    let mut cloud = single();
    cloud.call(&swap(&["sg-fence"])).unwrap();
    cloud.advance(seconds(20));
    cloud.call(&swap(&["sg-default"])).unwrap();
    cloud.advance(seconds(20));
    assert!(cloud.login("orders", PASSWORD).is_ok());
}

#[test]
fn an_instance_restored_behind_a_fence_is_closed_from_the_start() {
    let mut cloud = single();
    let mut request = latest("copy");
    request.config.vpc_security_group_ids = Some(vec!["sg-fence".into()]);
    cloud.call(&request).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.login("copy", PASSWORD), Err(LoginError::PortClosed));
}

#[test]
fn groups_can_be_declared_closed_later() {
    let mut cloud = single();
    cloud.happen(|model, _| model.set_closed_groups(["sg-default".to_owned()]));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::PortClosed));
}

#[test]
fn a_group_that_is_still_adding_opens_nothing() {
    let mut cloud = cloud(|config| config.vpc_security_group_ids = Some(vec!["sg-fence".into()]));
    cloud.call(&swap(&["sg-app"])).unwrap();
    cloud.happen(|model, _| model.set_closed_groups(["sg-fence".to_owned()]));
    assert_eq!(cloud.login("orders", PASSWORD), Err(LoginError::PortClosed));
}

#[test]
fn an_instance_restored_into_a_quarantine_lets_in_the_prober_alone_from_the_start() {
    let settings = Settings::aws_like().with(|settings| settings.prober_groups = ["sg-quarantine".to_owned()].into());
    let mut cloud = InMemory::new(settings, start());
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    cloud.advance(minutes(30));
    let mut request = latest("copy");
    request.config.vpc_security_group_ids = Some(vec!["sg-quarantine".into()]);
    cloud.call(&request).unwrap();
    cloud.advance(minutes(30));
    let server = cloud.show("copy").dbi_resource_id;
    assert_eq!(cloud.login("copy", PASSWORD), Err(LoginError::PortClosed));
    assert!(cloud.data.probe(&server, "lifeboat", PASSWORD).is_ok());
    let open = ModifyDbInstance { vpc_security_group_ids: Some(vec!["sg-app".into()]), ..ModifyDbInstance::now("copy") };
    cloud.call(&open).unwrap();
    assert_eq!(cloud.login("copy", PASSWORD), Err(LoginError::PortClosed), "not in force yet");
    cloud.advance(seconds(20));
    assert!(cloud.login("copy", PASSWORD).is_ok());
}
