# Tries to get at the machine, in as many ways as are known, and says of each whether it did: `probe WHO: NAME: reached` or `refused`.
# Arguments are NAME=VALUE: what there is on the machine to be got at. It needs no module, so that perl and its libraries are enough;
# numbers are those of amd64. Nothing is changed where it gets through: calls are made with arguments that the kernel refuses later.
$| = 1;
my %of = map { split /=/, $_, 2 } @ARGV;
# `root` is where the image's own files are, where that is not /.
# A text would be passed by its address.
$of{$_} += 0 for qw(victim shm port loop);
my ($newns, $newuts, $newuser) = (0x20000, 0x4000000, 0x10000000);

# Whether a call got past all that forbids it: EPERM, ESRCH, EACCES, EROFS and ENOSYS say that it did not.
sub past { my ($number, @rest) = @_; my $result = syscall($number, @rest); return $result >= 0 || !grep { $! + 0 == $_ } 1, 3, 13, 30, 38 }
sub opens { my ($path, $mode) = @_; my $file; return sysopen($file, $path, $mode || 0) }
sub reads { my ($path) = @_; open(my $file, '<', $path) or return 0; my $n = read($file, my $bytes, 64); return defined $n && $n > 0 }
sub zeros { my ($count) = @_; return "\0" x $count }
sub places { return grep { -d $_ } qw(/tmp /dev/shm /dev /cache /memory / /proc /sys) }
# A device that is made in each place, and opened.
sub device {
  my ($kind, $major, $minor) = @_;
  for my $place (places()) {
    my $path = "$place/probe$$";
    next if syscall(133, $path, $kind | 0666, $major << 8 | $minor) != 0;
    my $opened = opens($path, 04000) || opens($path, 04001);
    unlink $path;
    return 1 if $opened;
  }
  return 0;
}
sub find_key {
  my ($ring) = @_;
  my ($type, $name) = ("user\0", "$of{key}\0");
  my $key = syscall(250, 10, $ring, $type, $name, 0);
  return $key > 0 && syscall(250, 11, $key, my $bytes = zeros(64), 64) > 0;
}
sub unix { my ($address) = @_; socket(my $s, 1, 1, 0) or return 0; return connect($s, pack('Sa*', 1, $address)) }

my @probes = (
  # Out of the root.
  'chroot twice' => sub {
    mkdir "/tmp/probe$$"; opendir(my $here, '/') or return 0; my $path = "/tmp/probe$$\0";
    return 0 if syscall(161, $path) != 0;
    chdir $here; chdir '..' for 1 .. 40; my $dot = ".\0"; syscall(161, $dot);
    return -e $of{marker};
  },
  'root of the first process' => sub { -e "/proc/1/root$of{marker}" },
  'root of a process of the machine' => sub { -e "/proc/$of{victim}/root$of{marker}" },
  'working directory of a process of the machine' => sub { -e "/proc/$of{victim}/cwd$of{marker}" },
  'inherited descriptors' => sub {
    for my $fd (3 .. 255) { return 1 if -e "/proc/self/fd/$fd$of{marker}" || (syscall(81, $fd) == 0 && -e ".$of{marker}") }
    return 0;
  },
  'files by handle' => sub { my $handle = pack('II', 8, 1) . zeros(16); past(304, -100, $handle, 0) },
  # Mounts.
  'mount of a new filesystem' => sub { my ($type, $at) = ("tmpfs\0", "/mnt\0"); syscall(165, $type, $at, $type, 0, 0) == 0 },
  'mount of a folder elsewhere' => sub { my ($from, $at) = ("/proc\0", "/mnt\0"); syscall(165, $from, $at, 0, 0x5000, 0) == 0 },
  'another root' => sub { my $path = "/nowhere\0"; past(155, $path, $path) },
  'a filesystem by its context' => sub { my $type = "tmpfs\0"; syscall(430, $type, 0) >= 0 },
  'a copy of the mounts' => sub { my $path = "/\0"; syscall(428, -100, $path, 1) >= 0 },
  'flags of a mount' => sub { my ($path, $attributes) = ("/\0", pack('Q4', 0, 0, 0, 0)); past(442, -100, $path, 0, $attributes, 32) },
  # Namespaces.
  'a user namespace' => sub { syscall(272, $newuser) == 0 },
  'a mount namespace' => sub { syscall(272, $newns) == 0 },
  'a user namespace by clone' => sub { my $pid = syscall(56, $newuser | 17, 0, 0, 0, 0); exit 1 if $pid == 0; waitpid $pid, 0; $pid > 0 },
  'a user namespace by clone3' => sub {
    my $pid = syscall(435, my $arguments = pack('Q11', $newuser, 0, 0, 0, 17, (0) x 6), 88);
    exit 1 if $pid == 0; waitpid $pid, 0; $pid > 0;
  },
  'a user namespace by the entry of i386' => sub { system { "$of{root}/i386" } 'i386'; $? == 0 },
  'the namespace of a process of the machine' => sub {
    for my $pid ($of{victim}, 1) { open(my $file, '<', "/proc/$pid/ns/uts") or next; return 1 if syscall(308, fileno $file, 0) == 0 }
    return 0;
  },
  # Keyrings.
  'keys of the user' => sub { find_key(-4) },
  'keys of the session' => sub { find_key(-3) },
  'a key of its own' => sub { my ($type, $name) = ("user\0", "probe\0"); syscall(248, $type, $name, $name, 5, -2) > 0 },
  'a key that the kernel asks for' => sub { my ($type, $name) = ("user\0", "$of{key}\0"); syscall(249, $type, $name, 0, 0) > 0 },
  # Devices.
  'a disk that is made' => sub { $of{loop} >= 0 && device(0060000, 7, $of{loop}) },
  'memory of the machine' => sub { device(0020000, 1, 1) },
  'messages of the kernel as a device' => sub { device(0020000, 1, 11) },
  'the console' => sub { device(0020000, 5, 1) },
  'a device of a layer' => sub { opens("$of{root}/layer-device", 04000) },
  'devices in /dev' => sub { opendir(my $dev, '/dev') or return 0; grep { -b "/dev/$_" || /^(?:mem|kmsg|fuse|kvm|loop-control)$/ } readdir $dev },
  # Processes.
  'signals' => sub { kill 0, $of{victim} },
  'names of processes' => sub { reads("/proc/$of{victim}/cmdline") },
  'environment of processes' => sub { reads("/proc/$of{victim}/environ") },
  'tracing' => sub { syscall(101, 0x4206, $of{victim}, 0, 0) == 0 },
  'memory of processes' => sub {
    my $bytes = zeros(8); my ($local, $remote) = (pack('PQ', $bytes, 8), pack('QQ', 8, 8));
    past(310, $of{victim}, $local, 1, $remote, 1, 0);
  },
  'priority of processes' => sub { setpriority(0, $of{victim}, 1) },
  'descriptors of processes' => sub { my $fd = syscall(434, $of{victim}, 0); $fd >= 0 && syscall(438, $fd, 0, 0) >= 0 },
  # Settings of the kernel.
  'settings in /proc/sys' => sub { (stat '/')[0] != (stat '/proc/sys/kernel')[0] && opens('/proc/sys/kernel/core_pattern', 1) },
  'settings in /sys' => sub { opens('/sys/class/net/lo/mtu', 1) },
  'sysrq' => sub { opens('/proc/sysrq-trigger', 1) },
  'memory of the kernel' => sub { reads('/proc/kcore') },
  'timers of the machine' => sub { reads('/proc/timer_list') },
  'list of keys' => sub { reads('/proc/keys') },
  'name of the machine' => sub { my $name = $of{host}; syscall(170, $name, length $name) == 0 },
  'clock' => sub { my $time = pack('qq', -1, -1); past(227, 0, $time) },
  'restart' => sub { past(169, 1, 2, 3, 0) },
  'modules' => sub { past(175, 0, 0, 0) },
  'another kernel' => sub { past(246, 0, 99, 0, 0) },
  'swap' => sub { my $path = "/nowhere\0"; past(167, $path, 0) },
  'accounting' => sub { my $path = "/nowhere\0"; past(163, $path) },
  'quotas' => sub { my $path = "/nowhere\0"; past(179, 0x80000700, $path, 0, 0) },
  'messages of the kernel' => sub { syscall(103, 10, 0, 0) > 0 },
  'ports of the processor' => sub { syscall(172, 3) == 0 },
  # Parts of the kernel that nobody needs for building.
  'programs in the kernel' => sub { my $attributes = zeros(64); past(321, 0, $attributes, 64) },
  'counters of the processor' => sub { my $attributes = pack('II', 1, 64) . zeros(56); past(298, $attributes, 0, -1, -1, 0) },
  'page faults' => sub { past(323, 0) },
  'io_uring' => sub { my $parameters = zeros(120); past(425, 1, $parameters) },
  'events of all files' => sub { past(300, 0, 0) },
  'addresses that are no chance' => sub { syscall(135, 0x40000) >= 0 },
  'sockets of virtual machines' => sub { socket(my $s, 40, 1, 0) },
  'a right that was given up' => sub { syscall(157, 23, 21) == 1 },
  'all rights' => sub {
    my ($header, $data) = (pack('Ii', 0x20080522, 0), pack('I6', ~0 & 0x200000, 0x200000, 0, 0, 0, 0));
    syscall(126, $header, $data) == 0;
  },
  # Other processes by what they share.
  'shared memory' => sub { syscall(29, $of{shm}, 0, 0) >= 0 },
  'message queues' => sub { my $name = "$of{queue}\0"; syscall(240, $name, 0, 0, 0) >= 0 },
  'abstract sockets' => sub { unix("\0$of{abstract}") },
  'services of the machine' => sub { socket(my $s, 2, 1, 6) or return 0; connect($s, pack('SnNx8', 2, $of{port}, 0x7f000001)) },
  'sockets without limits' => sub { socket(my $s, 2, 2, 17) or return 0; setsockopt($s, 1, 33, pack 'I', 1 << 16) },
  'packets of everybody' => sub { socket(my $s, 17, 3, 0x0300) },
  # Last, since others look there.
  'unmounting' => sub { my $path = "/proc\0"; syscall(166, $path, 2) == 0 },
);

while (my ($name, $probe) = splice @probes, 0, 2) {
  next if exists $of{only} && $of{only} ne $name;
  my $pid = fork;
  if ($pid == 0) { alarm 5; open STDERR, '>', '/dev/null'; exit($probe->() ? 0 : 1) }
  waitpid $pid, 0;
  print "probe $of{as}: $name: ", $? == 0 ? 'reached' : 'refused', "\n";
}
