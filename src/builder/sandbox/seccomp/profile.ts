import type { SeccompArchitecture } from './numbers.ts'

/**
 * A condition on an argument, as in the OCI runtime-spec. For a masked one, `value` is the mask and `valueTwo` the expected
 * result.
 */
export interface ArgumentCondition {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_MASKED_EQ'
}

export interface SystemCallRule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly errnoRet?: number
  /** All must hold. */
  readonly args?: readonly ArgumentCondition[]
}

/** `linux.seccomp` in an OCI bundle's config.json. */
export interface SeccompProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO'
  readonly defaultErrnoRet: number
  readonly architectures: readonly SeccompArchitecture[]
  readonly syscalls: readonly SystemCallRule[]
}

// What Docker allows every container. (moby 26.1, profiles/seccomp)
const always = `
_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32
clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2
fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32
geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt
gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc kill
landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen
listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create
memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify
mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget
msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause
pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64
preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink
readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat
renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask
sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range
syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork
vmsplice wait4 waitid waitpid write writev
process_vm_readv process_vm_writev ptrace
`

/** What a capability allows in addition. */
const withCapability: Readonly<Record<string, string>> = {
  dac_read_search: 'open_by_handle_at',
  sys_admin: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
    open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  sys_boot: 'reboot',
  sys_chroot: 'chroot',
  sys_module: 'delete_module init_module finit_module',
  sys_pacct: 'acct',
  sys_ptrace: 'kcmp pidfd_getfd process_madvise',
  sys_rawio: 'iopl ioperm',
  sys_time: 'settimeofday stime clock_settime clock_settime64',
  sys_tty_config: 'vhangup',
  sys_nice: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  syslog: 'syslog',
  bpf: 'bpf',
  perfmon: 'perf_event_open',
}

const entries = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
} as const satisfies Readonly<Partial<Record<NodeJS.Architecture, readonly SeccompArchitecture[]>>>

const ownCalls = {
  x64: 'arch_prctl modify_ldt',
  arm64: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
} as const

const [permission, notThere] = [1, 38]
const vsock = 40
// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. (clone(2))
const namespaces = 0x7e020000
// PER_LINUX and PER_LINUX32, each with and without UNAME26; the last queries the current one. (personality(2))
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff]

/** Returns Docker's rules for a container with these capabilities; undefined for architectures without known numbers. */
export function seccompProfile(
  architecture: NodeJS.Architecture,
  capabilities: readonly string[],
): SeccompProfile | undefined {
  if (architecture !== 'x64' && architecture !== 'arm64') return undefined
  const granted = capabilities.flatMap((name) => words(withCapability[name] ?? ''))
  const allow = (names: readonly string[], ...args: readonly ArgumentCondition[]): SystemCallRule => ({
    names,
    action: 'SCMP_ACT_ALLOW',
    ...(args.length === 0 ? {} : { args }),
  })
  const mayClone = granted.includes('clone')
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: permission,
    architectures: entries[architecture],
    syscalls: [
      allow([...new Set([...words(always), ...words(ownCalls[architecture]), ...granted])]),
      allow(['socket'], { index: 0, value: vsock, op: 'SCMP_CMP_NE' }),
      ...personalities.map((value) => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...(mayClone
        ? []
        : [
            allow(['clone'], { index: 0, value: namespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
            // Its flags are in memory, which rules cannot inspect: C libraries then use clone.
            { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: notThere } as const,
          ]),
    ],
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean)
}
