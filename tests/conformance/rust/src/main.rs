// SPDX-License-Identifier: Apache-2.0
// Prints what nvml-wrapper reads of every GPU, one "index key value" a line; "set INDEX" first locks
// the SM clock of a GPU, sets its power limit and prints what became of it, "reset INDEX" undoes that.
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::GpuLockedClocksSetting;
use nvml_wrapper::Nvml;

fn put<T: std::fmt::Debug, E: std::fmt::Debug>(i: u32, key: &str, value: Result<T, E>) {
    match value {
        Ok(v) => println!("{} {} {:?}", i, key, v),
        Err(e) => println!("{} {} error {:?}", i, key, e),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let nvml = Nvml::builder()
        .lib_path(std::ffi::OsStr::new("libnvidia-ml.so.1"))
        .init()?;
    println!("driver {}", nvml.sys_driver_version()?);
    println!("nvml {}", nvml.sys_nvml_version()?);
    if args.len() > 2 {
        let i: u32 = args[2].parse()?;
        let mut d = nvml.device_by_index(i)?;
        if args[1] == "set" {
            put(i, "set_limit", d.set_power_management_limit(180000));
            put(
                i,
                "set_lock",
                d.set_gpu_locked_clocks(GpuLockedClocksSetting::Numeric {
                    min_clock_mhz: 900,
                    max_clock_mhz: 900,
                }),
            );
        } else {
            let limit = d.power_management_limit_default()?;
            put(i, "set_limit", d.set_power_management_limit(limit));
            put(i, "set_lock", d.reset_gpu_locked_clocks());
        }
    }
    for i in 0..nvml.device_count()? {
        let d = nvml.device_by_index(i)?;
        put(i, "name", d.name());
        put(i, "uuid", d.uuid());
        put(i, "serial", d.serial());
        put(i, "vbios", d.vbios_version());
        put(i, "bus_id", d.pci_info().map(|p| p.bus_id));
        put(i, "limit_mw", d.power_management_limit());
        put(i, "enforced_mw", d.enforced_power_limit());
        put(i, "default_mw", d.power_management_limit_default());
        put(i, "min_mw", d.power_management_limit_constraints().map(|c| c.min_limit));
        put(i, "max_mw", d.power_management_limit_constraints().map(|c| c.max_limit));
        put(i, "power_mw", d.power_usage());
        put(i, "energy_mj", d.total_energy_consumption());
        put(i, "sm_mhz", d.clock_info(Clock::SM));
        put(i, "mem_mhz", d.clock_info(Clock::Memory));
        put(i, "max_sm_mhz", d.max_clock_info(Clock::SM));
        put(i, "temp_c", d.temperature(TemperatureSensor::Gpu));
        put(i, "gpu_util", d.utilization_rates().map(|u| u.gpu));
        put(i, "memory_total_b", d.memory_info().map(|m| m.total));
        put(i, "memory_used_b", d.memory_info().map(|m| m.used));
        put(i, "persistent", d.is_in_persistent_mode());
        put(i, "processes", d.running_compute_processes().map(|p| p.len()));
        put(i, "clocks", d.supported_memory_clocks().and_then(|m| d.supported_graphics_clocks(m[0])).map(|c| c.len()));
    }
    Ok(())
}
