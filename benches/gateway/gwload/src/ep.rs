//! epoll, level by level: registering a descriptor, and waiting.

use std::os::fd::RawFd;
pub struct Ep {
    fd: i32,
    ev: Vec<libc::epoll_event>,
}
pub const R: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP) as u32;
pub const W: u32 = libc::EPOLLOUT as u32;
impl Ep {
    pub fn new() -> Self {
        Ep { fd: unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }, ev: vec![unsafe { std::mem::zeroed() }; 512] }
    }
    fn ctl(&self, op: i32, fd: RawFd, id: usize, f: u32) {
        let mut e = libc::epoll_event { events: f, u64: id as u64 };
        unsafe { libc::epoll_ctl(self.fd, op, fd, &mut e) };
    }
    pub fn add(&self, fd: RawFd, id: usize, f: u32) {
        self.ctl(libc::EPOLL_CTL_ADD, fd, id, f)
    }
    pub fn set(&self, fd: RawFd, id: usize, f: u32) {
        self.ctl(libc::EPOLL_CTL_MOD, fd, id, f)
    }
    /// ns < 0: wait for ever
    pub fn wait(&mut self, ns: i64, out: &mut Vec<(usize, u32)>) {
        out.clear();
        let ts = libc::timespec { tv_sec: ns / 1_000_000_000, tv_nsec: ns % 1_000_000_000 };
        let p = if ns < 0 { std::ptr::null() } else { &ts as *const _ };
        let n = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd,
                self.ev.as_mut_ptr(),
                self.ev.len() as i32,
                p,
                std::ptr::null::<libc::sigset_t>(),
                8usize,
            )
        };
        for i in 0..n.max(0) as usize {
            let e = self.ev[i];
            out.push((e.u64 as usize, e.events));
        }
    }
}
