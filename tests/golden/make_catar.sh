#!/bin/sh
# Makes the archives of catar/, and casync's listings of them: `make_catar.sh DIRECTORY`.
#
# Needs root, a file system with extended attributes, ACLs and capabilities (ext4), casync and desync (or DESYNC=…).
set -eu
umask 022
out=$(realpath -m "$1")
desync=${DESYNC:-desync}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out/casync" "$out/desync" && mkdir -p "$out/casync" "$out/desync"
cd "$work"

# The times of all that is in a tree, then of the tree.
settle() { find "$1" -depth -exec touch -h -d @1500000000 {} +; }

mkdir empty-directory
mkdir one-file && printf 'hi\n' >one-file/a
mkdir three-entries && printf A >three-entries/a && mkdir three-entries/b && ln -s a three-entries/c
mkdir device-pipe && mknod -m 666 device-pipe/null c 1 3 && mkfifo -m 600 device-pipe/pipe
mkdir names-xattr && printf x >names-xattr/f && chown daemon:bin names-xattr/f
setfattr -n user.k -v v names-xattr/f
mkdir acls acls/d && printf x >acls/f && chmod 640 acls/f && setfacl -m u:daemon:rw,g:3333:r acls/f
setfacl -d -m u::rwx,u:daemon:rx,g::rx,o::- acls/d
mkdir all-metadata && printf x >all-metadata/f && ln -s f all-metadata/l
setfattr -n user.u -v 1 all-metadata/f && setfacl -m u:daemon:r all-metadata/f
setfattr -n security.selinux -v system_u:object_r:etc_t:s0 all-metadata/f
setfattr -h -n security.selinux -v system_u:object_r:lnk_t:s0 all-metadata/l
setcap cap_net_raw+ep all-metadata/f
mkdir kinds kinds/sub && printf one >kinds/bar && : >kinds/empty && printf 'two!' >kinds/foo && ln -s bar kinds/link
mknod -m 666 kinds/null c 1 3 && mkfifo -m 600 kinds/pipe && mknod kinds/sda b 8 1
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("kinds/sock")'

# A directory for each number of entries, since the shape of the search table depends on it.
mkdir counts
for count in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 16 17 23; do
  mkdir "counts/$count"
  for i in $(seq "$count"); do : >"counts/$count/$i"; done
done

mkdir -p odd/deep/er/tree 'odd/sp ace#\'
printf 'set\n' >odd/suid && chmod 4755 odd/suid
printf 'S' >odd/sgid && chmod 2604 odd/sgid
mkdir -m 3777 odd/sticky && mkdir -m 1770 odd/sticky-only && printf r >odd/read-only && chmod 444 odd/read-only
printf x >"odd/$(printf 'line\nfeed')" && printf x >'odd/ä = %' && : >odd/.hidden && : >'odd/...' && : >odd/ABC
: >"odd/$(printf '\377\200')" && : >odd/$(printf '%0255d' 7) && : >odd/abc && : >odd/abc-d && : >odd/abc.d
head -c 700 /dev/zero >odd/zeros && ln -s ../nowhere odd/dangling && chown -h 70000:65534 odd/dangling
setfattr -n user.z -v 0x00ff00 odd/abc && setfattr -n user.empty odd/abc && setfattr -n trusted.t -v T odd/abc
setfattr -n user.dir -v d odd/deep && setfacl -m u:0:r,u:1000:rwx,u:daemon:x,g:bin:rw,g:77:- odd/abc-d
chattr +Ad odd/abc.d && chattr +S odd/ABC

for tree in *; do settle "$tree"; done
touch -d @1500000001.000000001 one-file/a && touch -d @1500000000.123456789 one-file
touch -d @1 odd/abc && touch -d @1500000001.999999999 odd/abc-d
for tree in *; do casync make "$out/casync/$tree.catar" "$tree" >/dev/null; done
casync make --digest=sha256 "$out/casync/kinds-sha256.catar" kinds >/dev/null
casync make --with=unix "$out/casync/kinds-unix.catar" kinds >/dev/null
for flags in fat fuse privileged chattr; do
  casync make --with=$flags "$out/casync/odd-$flags.catar" odd >/dev/null
done
casync make --without=all "$out/casync/odd-none.catar" odd >/dev/null
casync make --exclude-nodump=no --without=acl "$out/casync/odd-nodump.catar" odd >/dev/null
for archive in kinds odd odd-fat odd-none odd-nodump odd-privileged names-xattr; do
  casync list "$out/casync/$archive.catar" >"$out/casync/$archive.list"
  casync mtree "$out/casync/$archive.catar" >"$out/casync/$archive.mtree"
done

rm 'odd/sp ace#\' -r # desync cannot read names with a backslash
for tree in empty-directory three-entries names-xattr acls kinds odd; do
  touch -d @1500000000 "$tree"
  "$desync" tar "$out/desync/$tree.catar" "$tree" 2>/dev/null
done
"$desync" tar "$out/desync/file.catar" one-file/a
"$desync" tar "$out/desync/symlink.catar" three-entries/c
