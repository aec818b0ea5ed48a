//! What std has no safe form of: signals, the death signal, the clock tick of /proc.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A signal.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Interrupt,
    Kill,
}

/// Sends a signal to a process; one that has gone already is no error.
#[allow(unsafe_code, reason = "kill(2) has no safe form in std")]
pub fn send(pid: u32, signal: Signal) {
    let number = match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Kill => libc::SIGKILL,
    };
    // 0 and 1 would mean others than the process that was started.
    if let Ok(pid) = libc::pid_t::try_from(pid)
        && pid > 1
    {
        // SAFETY: kill takes plain numbers and touches no memory of ours.
        unsafe { libc::kill(pid, number) };
    }
}

/// Lets the process end when this one does, however that happens, and keeps the terminal's Ctrl-C from it.
#[allow(unsafe_code, reason = "prctl(2) has no safe form in std")]
pub fn bind_to_us(command: &mut Command) {
    command.process_group(0);
    let die = || {
        // SAFETY: prctl with these plain numbers touches no memory; it is safe to call between fork and exec.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes one system call, allocates nothing on success and takes no lock.
    unsafe { command.pre_exec(die) };
}

/// Ticks of a second in which /proc counts processor time.
#[allow(unsafe_code, reason = "sysconf(3) has no safe form in std")]
pub fn ticks_per_second() -> f64 {
    // SAFETY: sysconf takes a plain number and touches no memory of ours.
    match unsafe { libc::sysconf(libc::_SC_CLK_TCK) } {
        ticks if ticks > 0 => ticks as f64,
        _ => 100.0,
    }
}
