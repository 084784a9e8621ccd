#!/usr/bin/env python3
"""Builds Dockerfiles of well-known kinds with Docker and with tare, and compares the images.

  python3 test/interop/dockerfiles.py [NAME ...] [--ways WAY,WAY ...]

Ways are root-crun, root-runc, root-namespace, root-chroot, the same for a user (without chroot), and in containers pod (Docker's default: chroot) and
pod-copies (no seccomp profile, and the store on the container's own overlay: namespaces over plain copies). Default: all.

Needs root, docker, mmdebstrap, and a user with subordinate ids; $ALPINE_ROOTFS is Alpine's root filesystem (tar.gz). Bases are
made once and kept in $WORK (default: /tmp/tare-dockerfiles). Compared are the files that the build made: kind, mode, owner, content and links; and
the config. Contents that differ between any two builds (logs, keys of a database) are compared by their names and owners alone.
"""
import gzip, hashlib, json, os, pwd, re, shutil, subprocess, sys, tarfile, time

checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
work = os.environ.get('WORK', '/tmp/tare-dockerfiles')
node = os.path.realpath(shutil.which('node'))
tare = [node, os.path.join(checkout, 'bin/tare.js')]
docker = next(d for d in ('/usr/bin/docker', shutil.which('docker')) if d and os.path.exists(d))
packages = 'gcc,libc6-dev,make,python3,python3-venv,nodejs,golang-go,postgresql,systemd,sudo,adduser'

kinds = {
    'alpine-users': '''FROM base-alpine
RUN addgroup -S app && adduser -S -G app app && mkdir -p /srv/app && chown app:app /srv/app && chmod 2750 /srv/app
USER app
WORKDIR /srv/app
RUN umask 027 && echo text > file && ln -s file link && ln file hard && mkfifo pipe
''',
    'alpine-logs': '''FROM base-alpine
RUN ln -sf /dev/stdout /var/log/access.log && echo started > /var/log/access.log
COPY c/Makefile /etc/conf.d/app
RUN set -e; for i in 1 2 3; do echo "line $i" >> /etc/lines; done; rm -rf /media; mkdir /media
''',
    'node': '''FROM base-debian AS build
WORKDIR /app
COPY node/ .
RUN --mount=type=cache,target=/root/.npm node -e "require('fs').writeFileSync('dist.js', require('fs').readFileSync('server.js', 'utf8').toUpperCase())"
FROM base-debian
RUN useradd --system --create-home --shell /usr/sbin/nologin web
COPY --from=build --chown=web:web /app/dist.js /srv/
USER web
CMD ["node", "/srv/dist.js"]
''',
    'python': '''FROM base-debian
RUN python3 -m venv --without-pip /venv
COPY python /app
WORKDIR /app
RUN /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash . && /venv/bin/python main.py > /app/out
ENV PATH=/venv/bin:$PATH
CMD ["python", "main.py"]
''',
    'go': '''FROM base-debian AS build
WORKDIR /src
COPY go/ .
RUN --mount=type=cache,target=/root/.cache/go-build CGO_ENABLED=0 go build -trimpath -ldflags='-s -w -buildid=' -o /out/hello .
FROM scratch
COPY --from=build /out/hello /hello
USER 65532:65532
ENTRYPOINT ["/hello"]
''',
    'c': '''FROM base-debian
WORKDIR /src
COPY c/ .
RUN make install PREFIX=/usr/local && chmod 4755 /usr/local/bin/hello && hello > /hello.out && rm -f *.o
''',
    'apt': '''FROM base-debian
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends less file && apt-get clean && rm -rf /var/lib/apt/lists/*
''',
    'nginx': '''FROM base-debian
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/* && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
RUN nginx -t
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
''',
    'systemd': '''FROM base-debian
COPY systemd/app.service /etc/systemd/system/
RUN systemctl enable app.service && mkdir -p /etc/sysusers.d /etc/tmpfiles.d && echo 'u app 950 "An app" /srv' > /etc/sysusers.d/app.conf && systemd-sysusers && echo 'd /srv/app 0750 app app' > /etc/tmpfiles.d/app.conf && systemd-tmpfiles --create --prefix=/srv
''',
    'postgres': '''FROM base-debian
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/data/pg PGHOST=/tmp
RUN install -d -o postgres -g postgres -m 700 /data/pg
USER postgres
RUN initdb --no-sync -A trust > /dev/null && pg_ctl -w -s -o '-k /tmp -c listen_addresses= -c fsync=off' start && createdb app && psql -qc 'create table t (n int)' app && pg_ctl -w -s stop
''',
    'sudo': '''FROM base-debian
RUN useradd -m -G sudo me && echo 'me ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/me && chmod 440 /etc/sudoers.d/me
USER me
RUN sudo install -m 600 /dev/null /root/by-sudo && echo mine > ~/mine && test "$(sudo id -u)" = 0
''',
}
files = {
    'node/package.json': '{"name": "app"}\n', 'node/server.js': 'console.log(1)\n',
    'python/main.py': 'import lib\nprint(lib.answer())\n', 'python/lib.py': 'def answer():\n    return 42\n',
    'go/go.mod': 'module hello\n\ngo 1.19\n', 'go/main.go': 'package main\n\nfunc main() { println("hello") }\n',
    'systemd/app.service': '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
    'c/hello.c': '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    'c/Makefile': 'hello: hello.o\n\tcc -s -Wl,--build-id=none -o $@ $<\ninstall: hello\n\tinstall -D hello $(PREFIX)/bin/hello\n',
}
# What no two builds have alike.
volatile = re.compile(r'^(var/(log|cache)/|data/pg/|etc/(shadow|machine-id)|var/lib/(dpkg/.*-old|systemd/)|etc/\.pwd\.lock)')


first_port = int(open('/proc/sys/net/ipv4/ip_unprivileged_port_start').read())


def run(argv, **options):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **options).stdout


def tried(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    return None if done.returncode == 0 else next((line for line in (done.stderr or done.stdout).strip().split('\n') if 'rror' in line), 'fails')


def have(argv, **options):
    """The layers of an image, as the command that inspects it tells them."""
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    return json.loads(done.stdout)[0]['RootFS']['Layers'] if done.returncode == 0 else None


def digest_inside(path):
    """Of a tar, without its compression."""
    digest = hashlib.sha256()
    with (gzip.open if path.endswith('gz') else open)(path, 'rb') as file:
        while part := file.read(1 << 20): digest.update(part)
    return digest.hexdigest()


def user_with_ids():
    for line in open('/etc/subuid'):
        try:
            found = pwd.getpwnam(line.split(':')[0])
            if found.pw_uid != 0: return found
        except KeyError: pass
    sys.exit('no user here has subordinate ids (usermod --add-subuids)')


def names(path):
    """What is in a base, and of its folders how they are."""
    with tarfile.open(path) as archive:
        return {entry.name.removeprefix('./').strip('/'): folder(entry) if entry.isdir() else None for entry in archive}


def drop_unchanged(found, path):
    """Takes away what is as in the base: a builder may tell of files that were only opened."""
    with tarfile.open(path) as archive:
        for entry in archive:
            at = entry.name.removeprefix('./').strip('/')
            if not entry.isreg() or found.get(at, ('',))[0] != 'link': continue
            content = '' if volatile.match(at) else hashlib.sha256(archive.extractfile(entry).read()).hexdigest()
            if found[at] == ('link', '%o' % (entry.mode & 0o7777), entry.uid, entry.gid, content): del found[at]


def folder(entry):
    return ('5', '%o' % (entry.mode & 0o7777), entry.uid, entry.gid, '')


def made(path, base, below_names, base_path):
    """What an image has above its base, by path, and what of the base is gone; and its config."""
    with tarfile.open(path) as archive:
        image = json.load(archive.extractfile('manifest.json'))[0]
        config = json.load(archive.extractfile(image['Config']))
        found, gone = {}, set()
        below = len(base) if config['rootfs']['diff_ids'][:len(base)] == base else 0
        for name in image['Layers'][below:]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                for entry in layer:
                    at = entry.name.strip('/').removeprefix('./')
                    within, _, last = at.rpartition('/')
                    if last.startswith('.wh.'):
                        # A whole folder may be hidden, or each of its names.
                        top = within if last == '.wh..wh..opq' else f'{within}/{last[4:]}'.strip('/')
                        gone |= {one for one in below_names if one.startswith(top + '/') or (one == top and last != '.wh..wh..opq')}
                        for one in [one for one in found if one.startswith(top + '/') or one == top and last != '.wh..wh..opq']: del found[one]
                        continue
                    content = entry.linkname
                    if entry.isreg(): content = '' if volatile.match(at) else hashlib.sha256(layer.extractfile(entry).read()).hexdigest()
                    # Names of what differs differ, too: below these there are only the folders.
                    if volatile.match(at) and not entry.isdir(): continue
                    kind = 'link' if entry.isreg() or entry.islnk() else entry.type.decode()
                    if entry.islnk():
                        other = found.get(entry.linkname.strip('/'))
                        content = other[-1] if other else content
                    found[at] = (kind, '%o' % (entry.mode & 0o7777), entry.uid, entry.gid, content)
        keep = ('Env', 'Cmd', 'Entrypoint', 'User', 'WorkingDir', 'Labels', 'ExposedPorts', 'Volumes')
        for at in gone - found.keys(): found[at] = 'gone'
        # Whether a folder that only has another time is told of is each builder's own affair.
        for at in [at for at in found if below_names.get(at) == found[at]]: del found[at]
        drop_unchanged(found, base_path)
        return found, {key: config['config'][key] for key in keep if config['config'].get(key)}


def ways_of(user):
    """What to put before a command of tare, and its environment, by way. Containers are told by flags: they are started later."""
    plain = {'PATH': os.environ['PATH'], 'HOME': work}
    ways = {}
    for who, before in (('root', []), ('user', ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--init-groups', '--'])):
        home = os.path.join(work, who); os.makedirs(home, exist_ok=True)
        if who == 'user': os.chown(home, user.pw_uid, user.pw_gid)
        for by in ('crun', 'runc', 'namespace', 'chroot'):
            by_env = {'TARE_ISOLATION': 'oci', 'TARE_RUNTIME': by} if by in ('crun', 'runc') else {'TARE_ISOLATION': by}
            if (who, by) != ('user', 'chroot'): ways[f'{who}-{by}'] = (before, {**plain, **by_env, 'TARE_HOME': home})
    return ways


containers = {'pod': ([], os.path.join(work, 'pod')), 'pod-copies': (['--security-opt', 'seccomp=unconfined'], '/store')}


def start_container(way):
    """A container that commands are executed in; its name."""
    flags, home = containers[way]
    name = f'tare-{way}-{os.getpid()}'
    mounts = [f'{checkout}:{checkout}:ro', f'{node}:{node}:ro', f'{work}:{work}']
    run([docker, 'run', '-d', '--rm', '--name', name, '--network=host', '-e', f'TARE_HOME={home}', *flags]
        + [word for mount in mounts for word in ('-v', mount)] + ['base-debian', 'sleep', 'infinity'])
    return name


def build_all(wanted, ways, layers, listed, bases, context):
    """Prints a line for each Dockerfile; how many of the builds failed or differ."""
    wrong, width = 0, max(12, *(len(way) + 2 for way in ways))
    print(f'{"":14}' + ''.join(f'{way:>{width}}' for way in ('docker', *ways)), flush=True)
    for name in wanted:
        base = kinds[name].split()[1]
        if base not in layers: print(f'{name:14} skipped: set ALPINE_ROOTFS'); continue
        dockerfile = os.path.join(work, f'Dockerfile.{name}')
        with open(dockerfile, 'w') as file: file.write(kinds[name])
        below = (layers[base], listed[base], bases[base])
        begin = time.time()
        failure = tried([docker, 'build', '-q', '--no-cache', '--network=host', '-t', f'case-{name}', '-f', dockerfile, context], env={**os.environ, 'DOCKER_BUILDKIT': '1'})
        if failure: sys.exit(f'docker cannot build {name}: {failure}')
        cells = [f'{time.time() - begin:.1f} s']
        out = os.path.join(work, 'image.tar')
        run([docker, 'save', '-o', out, f'case-{name}']); expected = made(out, *below)
        for way, (before, env) in ways.items():
            begin = time.time()
            failure = tried(before + tare + ['build', '-q', '--no-cache', '-t', f'case-{name}', '-f', dockerfile, context], env=env)
            cell = f'{time.time() - begin:.1f} s'
            # systemd-tmpfiles opens what it makes again by /proc/self/fd, and looks whether that is the real one (docs/run.md).
            if failure and name == 'systemd' and way in ('root-chroot', 'pod'): cell = 'no /proc'
            # Without the machine's root, nobody can listen on port 80 of its network.
            elif failure and name == 'nginx' and (way.startswith('user-') or way == 'pod-copies') and first_port > 80: cell = 'no port'
            elif failure: cell, wrong = 'fails', wrong + 1; print(f'  {way}: {failure}')
            else:
                with open(out, 'wb') as file: subprocess.run(before + tare + ['save', f'case-{name}'], check=True, stdout=file, env=env)
                found = made(out, *below)
                differing = sorted(path for path in {*expected[0], *found[0]} if expected[0].get(path) != found[0].get(path))
                if found[1] != expected[1]: differing.append('config')
                if differing: wrong += 1; cell = f'{len(differing)} differ'
                for path in differing[:5]: print(f'  {way}: {path}: {expected[0].get(path, expected[1])} {found[0].get(path, found[1])}')
            cells.append(cell)
        print(f'{name:14}' + ''.join(f'{cell:>{width}}' for cell in cells), flush=True)
    return wrong


def main():
    asked = sys.argv[1:]
    at = asked.index('--ways') if '--ways' in asked else len(asked)
    wanted, chosen = asked[:at] or list(kinds), asked[at + 1].split(',') if at < len(asked) else None
    if os.geteuid() != 0: sys.exit('run as root')
    os.makedirs(work, exist_ok=True); os.chmod(work, 0o755)
    context = os.path.join(work, 'context')
    for name, text in files.items():
        path = os.path.join(context, name); os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file: file.write(text)
        os.utime(path, (1700000000, 1700000000))
    bases = {'base-alpine': os.environ.get('ALPINE_ROOTFS', ''), 'base-debian': os.path.join(work, 'debian.tar')}
    if not os.path.exists(bases['base-debian']):
        part = bases['base-debian'] + '.part'
        run(['mmdebstrap', '--quiet', '--variant=apt', '--format=tar', '--aptopt=APT::Install-Recommends "false"', f'--include={packages}', 'bookworm', part])
        os.rename(part, bases['base-debian'])
    layers, listed = {}, {}
    for name, path in [pair for pair in bases.items() if pair[1]]:
        # One of that name may be of another time.
        layer = ['sha256:' + digest_inside(path)]
        if have([docker, 'image', 'inspect', name]) != layer: run([docker, 'import', path, name])
        layers[name] = json.loads(run([docker, 'image', 'inspect', name]))[0]['RootFS']['Layers']
        listed[name] = names(path)
        shared = os.path.join(work, os.path.basename(path))
        if shared != path: shutil.copyfile(path, shared)
        os.chmod(shared, 0o644)
    known = ways_of(user_with_ids())
    ways = {way: known.get(way) for way in chosen or [*known, *containers]}
    started = []
    try:
        for way in ways:
            if way in containers:
                started.append(start_container(way))
                ways[way] = ([docker, 'exec', started[-1]], None)
            before, env = ways[way]
            for name in layers:
                if have(before + tare + ['image', 'inspect', name], env=env) != layers[name]:
                    run(before + tare + ['import', os.path.join(work, os.path.basename(bases[name])), name], env=env)
        sys.exit(1 if build_all(wanted, ways, layers, listed, bases, context) else 0)
    finally:
        for name in started: run([docker, 'rm', '-f', name])


main()
