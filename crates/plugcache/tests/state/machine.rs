//! This machine: its network, mounts and kernel parameters, compared with what the system itself says, and in
//! namespaces of their own where something is changed.

use std::{fs, path::Path, process::Command};

use plugcache::{
    Hub,
    state::{
        Outcome, StateManager, StatePlugin,
        plugins::{Mounts, Sysctl},
    },
};
use serde_json::json;

/// Runs a test of this file again, in namespaces of its own and after a preparation. `false`, loudly, if the system
/// does not let us.
fn apart(flags: &[&str], prepare: &str, test: &str) -> bool {
    let this = std::env::current_exe().unwrap();
    let allowed = Command::new("unshare").args(flags).args(["sh", "-c", prepare]).output();
    if !allowed.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED {test}: `unshare {}` or `{prepare}` is not possible here: {allowed:?}",
            flags.join(" ")
        );
        return false;
    }
    let script = format!("{prepare} && exec \"$0\" machine::{test} --exact --nocapture --test-threads 1");
    let mut child = Command::new("unshare");
    child.args(flags).args(["sh", "-c", &script]).arg(this).env("STATE_APART", test);
    let output = child.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    true
}

fn is_apart(test: &str) -> bool {
    std::env::var("STATE_APART").is_ok_and(|name| name == test)
}

#[test]
fn odd_mount_points() {
    let place = "/run/plugcache state\\test";
    if is_apart("odd_mount_points") {
        let state = Mounts.query_current_state().unwrap();
        let stack = &state["/run/plugcache state\\\\test/a\\xffb"];
        assert_eq!(stack.as_array().unwrap().len(), 2, "{state}");
        assert_eq!((&stack[0]["type"], &stack[0]["source"]), (&json!("tmpfs"), &json!("one two")));
        assert_eq!(stack[1]["source"], "upper");
        assert!(stack[1]["options"].as_array().unwrap().contains(&json!("ro")));
        return;
    }
    // A directory of `sh`'s, because the mounts are to be seen by this process's child only.
    let prepare = format!(
        "d='{place}'/$(printf 'a\\377b'); mkdir -p \"$d\" && mount -t tmpfs 'one two' \"$d\" && mount -t tmpfs -o ro upper \"$d\""
    );
    apart(&["-m"], &prepare, "odd_mount_points");
    let _ = fs::remove_dir_all(place);
}

#[test]
fn mounts_are_those_that_the_system_lists() {
    // Others may mount something between the two looks.
    let agree = || {
        let state = Mounts.query_current_state().unwrap();
        let listed = fs::read("/proc/self/mounts").unwrap();
        let ours: usize =
            state.as_object().unwrap().values().map(|stack| stack.as_array().unwrap().len()).sum();
        ours == listed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
    };
    assert!((0..20).any(|_| agree()));
}

#[test]
fn kernel_parameters_are_those_that_the_system_has() {
    let state = Sysctl::new().prefix("kernel").prefix("net.ipv4").query_current_state().unwrap();
    let values = state["values"].as_object().unwrap();
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(values["kernel.hostname"], hostname.trim_end());
    assert!(values.keys().all(|name| name.starts_with("kernel.") || name.starts_with("net.ipv4.")));
    let whole = Sysctl::new().query_current_state().unwrap();
    let (read, skipped) = (whole["values"].as_object().unwrap(), whole["skipped"].as_object().unwrap());
    assert!(read.len() > values.len());
    let found = Command::new("find").args(["/proc/sys", "-type", "f"]).output().unwrap();
    let found = String::from_utf8_lossy(&found.stdout).lines().count();
    // Interfaces, with parameters of their own, may come and go meanwhile.
    assert!(
        (read.len() + skipped.len()).abs_diff(found) < 100,
        "{} and {} of {found}",
        read.len(),
        skipped.len()
    );
    if Path::new("/proc/sys/net/ipv4/route/flush").exists() {
        assert_eq!(skipped["net.ipv4.route.flush"], "it can only be written");
    }
}

fn sysctl(plugin: Sysctl) -> StateManager {
    StateManager::builder().plugin(plugin).build(&Hub::in_memory()).unwrap()
}

#[test]
fn kernel_parameters_are_written_verified_and_brought_back() {
    const TEST: &str = "kernel_parameters_are_written_verified_and_brought_back";
    if !is_apart(TEST) {
        apart(&["-n", "-u"], "test -w /proc/sys/net/ipv4/ip_forward", TEST);
        return;
    }
    let read = |path: &str| fs::read_to_string(Path::new("/proc/sys").join(path)).unwrap();
    let manager = sysctl(Sysctl::new());
    let (name, range) = (read("kernel/hostname"), read("net/ipv4/ip_local_port_range"));
    let id = manager.checkpoint("sysctl").unwrap();
    let desired = json!({ "sysctl": { "values": {
        "kernel.hostname": "elsewhere",
        "net.ipv4.ip_forward": true,
        "net.ipv4.ip_local_port_range": "20000   30000",
    } } });
    let report = manager.apply(&desired).unwrap();
    assert_eq!((report.plugins[0].outcome, &report.plugins[0].errors), (Outcome::Verified, &vec![]));
    assert_eq!((read("kernel/hostname").trim(), read("net/ipv4/ip_forward").trim()), ("elsewhere", "1"));
    assert_eq!(manager.apply(&desired).unwrap().plugins[0].outcome, Outcome::Unchanged);

    // What the kernel refuses takes back what it had taken.
    let refused = json!({ "sysctl": { "values": {
        "kernel.hostname": "nowhere",
        "net.ipv4.ip_local_port_range": "30000 20000",
    } } });
    let report = manager.apply(&refused).unwrap();
    assert_eq!(report.plugins[0].outcome, Outcome::RolledBack, "{report:?}");
    assert!(report.plugins[0].errors[0].contains("net.ipv4.ip_local_port_range"), "{report:?}");
    assert_eq!(read("kernel/hostname").trim(), "elsewhere");

    let same_words = |one: &str, other: &str| one.split_whitespace().eq(other.split_whitespace());
    manager.rollback(&id).unwrap();
    assert_eq!((read("kernel/hostname"), read("net/ipv4/ip_forward").trim()), (name, "0"));
    assert!(same_words(&read("net/ipv4/ip_local_port_range"), &range));
}

#[test]
fn parameters_that_are_none_are_refused_and_unreadable_ones_skipped() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir_all(path("net/eth0.1")).unwrap();
    fs::write(path("net/eth0.1/mtu"), "1500\n").unwrap();
    fs::write(path("flush"), "").unwrap();
    fs::write(path("large"), vec![b'x'; 100_000]).unwrap();
    fs::set_permissions(path("flush"), std::os::unix::fs::PermissionsExt::from_mode(0o200)).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", path("link")).unwrap();
    let manager = sysctl(Sysctl::new().root(place.path()));
    let state = manager.query("sysctl").unwrap();
    assert_eq!(state["values"], json!({ "net.eth0/1.mtu": "1500" }));
    assert_eq!(state["skipped"]["flush"], "it can only be written");
    assert!(state["skipped"]["large"].as_str().unwrap().contains("more than"));
    for (name, value, part) in [
        ("flush", json!("1"), "it can only be written"),
        ("ghost", json!("1"), "is not there"),
        ("link", json!("1"), "is not there"),
        ("..flush", json!("1"), "names no kernel parameter"),
        ("net.eth0/1.mtu", json!([1]), "expected a text"),
        ("net.eth0/1.mtu", json!("1\n2"), "expected one line"),
    ] {
        let said =
            manager.apply(&json!({ "sysctl": { "values": { name: value } } })).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
    let desired = json!({ "sysctl": { "values": { "net.eth0/1.mtu": 9000 } } });
    assert!(manager.apply(&desired).unwrap().is_success());
    assert_eq!(fs::read_to_string(path("net/eth0.1/mtu")).unwrap(), "9000\n");
}

#[test]
fn a_checkpoint_of_kernel_parameters_has_partners_and_nothing_that_moves_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir_all(path("vm")).unwrap();
    fs::create_dir_all(path("kernel")).unwrap();
    for (name, text) in [("vm/dirty_bytes", "0\n"), ("vm/dirty_ratio", "20\n"), ("kernel/ns_last_pid", "7\n")]
    {
        fs::write(path(name), text).unwrap();
    }
    let plugin = Sysctl::new().root(place.path());
    let whole = plugin.create_checkpoint(None).unwrap();
    assert_eq!(whole["values"], json!({ "vm.dirty_bytes": "0", "vm.dirty_ratio": "20" }));
    let desired = json!({ "values": { "vm.dirty_bytes": "4096" } });
    let diff = plugin.calculate_diff(&plugin.query_current_state().unwrap(), &desired).unwrap();
    assert_eq!(plugin.create_checkpoint(Some(&diff)).unwrap(), whole);
    // As the kernel does when one is written.
    fs::write(path("vm/dirty_ratio"), "0\n").unwrap();
    plugin.rollback(&whole).unwrap();
    assert_eq!(fs::read_to_string(path("vm/dirty_ratio")).unwrap(), "20\n");
    // What does not hold in the end is told.
    fs::remove_file(path("vm/dirty_ratio")).unwrap();
    let said = plugin.rollback(&whole).unwrap_err().to_string();
    assert!(said.contains("vm.dirty_ratio"), "{said}");
}

#[cfg(feature = "net")]
mod network {
    use std::collections::BTreeMap;

    use plugcache::state::{StateAction, plugins::Net};
    use serde_json::Value;

    use super::*;

    fn state() -> Value {
        Net.query_current_state().unwrap()
    }

    fn ip(arguments: &[&str]) -> Option<Value> {
        let output = Command::new("ip").arg("-j").args(arguments).output().ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }

    #[test]
    fn interfaces_are_those_in_sys() {
        let state = state();
        let interfaces = state["interfaces"].as_object().unwrap();
        let names: Vec<_> =
            fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name()).collect();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let read = |file: &str| fs::read_to_string(format!("/sys/class/net/{name}/{file}")).ok();
            let (Some(mtu), Some(index)) = (read("mtu"), read("ifindex")) else { continue };
            // One may have come after the first look.
            let Some(interface) = interfaces.get(name) else { continue };
            assert_eq!(interface["mtu"], mtu.trim().parse::<u32>().unwrap());
            assert_eq!(interface["index"], index.trim().parse::<u32>().unwrap());
            assert_eq!(interface["state"], read("operstate").unwrap().trim());
            let mac = read("address").unwrap_or_default();
            assert_eq!(interface.get("mac").and_then(Value::as_str).unwrap_or_default(), mac.trim());
        }
        // `lo` is everywhere.
        assert!(interfaces["lo"]["flags"].as_array().unwrap().contains(&json!("LOOPBACK")));
        let routes = fs::read_to_string("/proc/net/route").unwrap();
        let ours =
            state["routes"].as_array().unwrap().iter().filter(|route| {
                route["table"] == 254 && route["destination"].as_str().unwrap().contains('.')
            });
        assert_eq!(ours.count(), routes.lines().skip(1).filter(|line| !line.trim().is_empty()).count());
    }

    #[test]
    fn a_network_of_its_own() {
        const TEST: &str = "network::a_network_of_its_own";
        if !is_apart(TEST) {
            let prepare = "ip link set lo up && ip link add v0 mtu 1400 type veth peer name v1 \
                && ip addr add 10.9.8.7/24 dev v0 && ip addr add fd00::7/64 dev v0 nodad \
                && ip link set v0 up && ip link set v1 up && ip route add 10.77.0.0/16 via 10.9.8.1 metric 7 \
                && ip route add blackhole 10.78.0.0/16 && ip route add 10.79.0.0/16 table 99 dev v0 \
                && ip route add 10.80.0.0/16 nexthop via 10.9.8.2 nexthop via 10.9.8.3";
            apart(&["-n"], prepare, TEST);
            return;
        }
        let state = state();
        let v0 = &state["interfaces"]["v0"];
        assert_eq!((&v0["kind"], &v0["mtu"], &v0["state"]), (&json!("veth"), &json!(1400), &json!("up")));
        let flags = v0["flags"].as_array().unwrap();
        assert!(["UP", "LOWER_UP", "BROADCAST"].iter().all(|flag| flags.contains(&json!(flag))), "{v0}");
        let addresses = v0["addresses"].as_array().unwrap();
        assert!(
            addresses.contains(&json!("10.9.8.7/24")) && addresses.contains(&json!("fd00::7/64")),
            "{v0}"
        );
        let listed = ip(&["addr"]).unwrap();
        for one in listed.as_array().unwrap() {
            let ours = &state["interfaces"][one["ifname"].as_str().unwrap()];
            assert_eq!((&ours["index"], &ours["mac"]), (&one["ifindex"], &one["address"]));
            let theirs: Vec<_> = one["addr_info"]
                .as_array()
                .unwrap()
                .iter()
                .map(|address| {
                    json!(format!("{}/{}", address["local"].as_str().unwrap(), address["prefixlen"]))
                })
                .collect();
            assert_eq!(ours["addresses"], json!(theirs));
        }
        let routes: BTreeMap<_, _> = state["routes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|route| (route["destination"].as_str().unwrap(), route))
            .collect();
        let via = routes["10.77.0.0/16"];
        assert_eq!(
            (&via["gateway"], &via["interface"], &via["metric"]),
            (&json!("10.9.8.1"), &json!("v0"), &json!(7))
        );
        assert_eq!((&via["table"], &via["type"]), (&json!(254), &json!("unicast")));
        assert_eq!(routes["10.78.0.0/16"]["type"], "blackhole");
        assert_eq!(routes["10.79.0.0/16"]["table"], 99);
        assert_eq!(routes["10.80.0.0/16"]["hops"][1], json!({ "gateway": "10.9.8.3", "interface": "v0" }));
        assert_eq!(routes["10.9.8.0/24"]["source"], "10.9.8.7");
        let theirs = ip(&["route", "show", "table", "all", "type", "unicast"]).unwrap();
        for one in theirs.as_array().unwrap() {
            let destination = one["dst"].as_str().unwrap();
            assert!(
                routes.keys().any(|ours| ours.split('/').next() == destination.split('/').next()),
                "{one}"
            );
        }

        // An interface that comes is seen at the next look.
        let status = Command::new("ip").args(["link", "add", "b0", "type", "bridge"]).status().unwrap();
        assert!(status.success());
        assert_eq!(self::state()["interfaces"]["b0"]["kind"], "bridge");
        let diff =
            Net.calculate_diff(&state, &json!({ "interfaces": { "v0": { "mtu": 1500 }, "b0": null } }));
        let actions = diff.unwrap().actions;
        assert_eq!(actions.iter().map(StateAction::path).collect::<Vec<_>>(), ["/interfaces/v0/mtu"]);
    }
}
