# Puts on the machine what a command may try to get at, and runs the command beside it: keys, shared memory, a queue, sockets, an
# open directory. In the command's arguments @victim@ is the number of this process, @port@ that of its service.
# machine.pl KEY SHM QUEUE ABSTRACT COMMAND...
my ($key, $shm, $queue, $abstract, @command) = @ARGV;
my ($type, $name, $value) = ("user\0", "$key\0", "of the machine");
my $own = syscall(248, $type, $name, $value, length $value, -4);
# Whoever is the same user may do all with it.
syscall(250, 5, $own, 0x3f3f0000);
syscall(250, 1, 0);
syscall(248, $type, $name, $value, length $value, -3) > 0 or warn "no session key: $!\n";
# CREAT and 0666.
my $memory = syscall(29, $shm + 0, 4096, 01666);
my $path = "$queue\0";
syscall(240, $path, 0100 | 2, 0666, 0) >= 0 or warn "no queue: $!\n";
my ($unix, $service);
socket($unix, 1, 1, 0) && bind($unix, pack('Sa*', 1, "\0$abstract")) && listen($unix, 64) or warn "no socket: $!\n";
socket($service, 2, 1, 6) && bind($service, pack('SnNx8', 2, 0, 0x7f000001)) && listen($service, 64) or warn "no service: $!\n";
my (undef, $port) = unpack 'Sn', getsockname $service;
my $victim = $$;
s/\@victim\@/$victim/g, s/\@port\@/$port/g for @command;
my $pid = fork;
if ($pid == 0) {
  close $unix; close $service;
  # Above 2, and open also in the programs that follow.
  $^F = 100;
  sysopen(my $root, '/', 0200000);
  exec { $command[0] } @command or die "$command[0]: $!\n";
}
waitpid $pid, 0;
my $status = $?;
syscall(31, $memory, 0, 0);
my $gone = "$queue\0";
syscall(241, $gone);
syscall(250, 9, $own, -4);
exit($status >> 8 || ($status & 127 ? 1 : 0));
