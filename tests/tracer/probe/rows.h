/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line a call, read twice by rows.c:
 *
 *   ROW(name, what is there before, op, flags, errno, real path, the call on `path`)
 *   AT(name, requested path, the same…)    where that is not the file of the row's name
 *   ALSO(op, flags, requested path, real path)    one more event of the row above
 *
 * probe.h says what may be in them. `path` is the requested path, `name` the row's.
 */
/* clang-format off */

/* Opening */

#ifdef SYS_open
ROW("open-rdonly", A_FILE, OPEN, 0, 0, SELF, sys(SYS_open, path, O_RDONLY))
ROW("open-wronly", A_FILE, OPEN, W, 0, SELF, sys(SYS_open, path, O_WRONLY))
ROW("open-rdwr", A_FILE, OPEN, W, 0, SELF, sys(SYS_open, path, O_RDWR))
ROW("open-creat-new", NOTHING, OPEN, W | C | NEW, 0, SELF, sys(SYS_open, path, O_RDWR | O_CREAT, 0644))
ROW("open-creat-rdonly", NOTHING, OPEN, C | NEW, 0, SELF, sys(SYS_open, path, O_RDONLY | O_CREAT, 0644))
ROW("open-creat-existing", A_FILE, OPEN, W | C, 0, SELF, sys(SYS_open, path, O_WRONLY | O_CREAT, 0644))
ROW("open-excl-new", NOTHING, OPEN, W | C | NEW, 0, SELF, sys(SYS_open, path, O_RDWR | O_CREAT | O_EXCL, 0644))
ROW("open-excl-existing", A_FILE, OPEN, W | C, EEXIST, NONE, sys(SYS_open, path, O_RDWR | O_CREAT | O_EXCL, 0644))
ROW("open-trunc", A_FILE, OPEN, W, 0, SELF, sys(SYS_open, path, O_WRONLY | O_TRUNC))
ROW("open-trunc-rdonly", A_FILE, OPEN, W, 0, SELF, sys(SYS_open, path, O_RDONLY | O_TRUNC))
ROW("open-append", A_FILE, OPEN, W, 0, SELF, sys(SYS_open, path, O_WRONLY | O_APPEND))
ROW("open-path", A_FILE, OPEN, L, 0, SELF, sys(SYS_open, path, O_PATH))
ROW("open-path-dir", A_DIR, OPEN, L | D, 0, SELF, sys(SYS_open, path, O_PATH | O_DIRECTORY))
ROW("open-path-nofollow", A_FILE | LINKED, OPEN, L | N, 0, SELF, sys(SYS_open, path, O_PATH | O_NOFOLLOW))
ROW("open-nofollow", A_FILE, OPEN, N, 0, SELF, sys(SYS_open, path, O_NOFOLLOW))
ROW("open-nofollow-link", A_FILE | LINKED, OPEN, N, ELOOP, NONE, sys(SYS_open, path, O_NOFOLLOW))
ROW("open-link", A_FILE | LINKED, OPEN, 0, 0, TO, sys(SYS_open, path, O_RDONLY))
ROW("open-link-creat", LINKED, OPEN, W | C | NEW, 0, TO, sys(SYS_open, path, O_WRONLY | O_CREAT, 0644))
ROW("open-link-dangling", LINKED, OPEN, 0, ENOENT, NONE, sys(SYS_open, path, O_RDONLY))
ROW("open-directory", A_DIR, OPEN, D, 0, SELF, sys(SYS_open, path, O_RDONLY | O_DIRECTORY))
ROW("open-directory-file", A_FILE, OPEN, 0, ENOTDIR, NONE, sys(SYS_open, path, O_RDONLY | O_DIRECTORY))
ROW("open-directory-rdwr", A_DIR, OPEN, W, EISDIR, NONE, sys(SYS_open, path, O_RDWR))
ROW("open-tmpfile", A_DIR, OPEN, W | X, MAY(0), ANYTHING, sys(SYS_open, path, O_TMPFILE | O_RDWR, 0600))
ROW("open-missing", NOTHING, OPEN, 0, ENOENT, NONE, sys(SYS_open, path, O_RDONLY))
AT("open-below-file", "%n/below", A_FILE, OPEN, 0, ENOTDIR, NONE, sys(SYS_open, path, O_RDONLY))
ROW("creat-new", NOTHING, OPEN, W | C | NEW, 0, SELF, sys(SYS_creat, path, 0644))
ROW("creat-existing", A_FILE, OPEN, W | C, 0, SELF, sys(SYS_creat, path, 0644))
#endif
ROW("openat-cwd", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
ROW("openat-dirfd", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, work, path, O_RDONLY))
AT("openat-absolute", "%w/%n", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, 12345, path, O_RDONLY))
AT("openat-below", "%n/file", A_TREE, OPEN, 0, 0, "%n/file", sys(SYS_openat, folder(name), "file", O_RDONLY))
AT("openat-below-path", "%n/file", A_TREE, OPEN, 0, 0, "%n/file", sys(SYS_openat, sys(SYS_openat, work, name, O_PATH), "file", O_RDONLY))
ROW("openat-creat", NOTHING, OPEN, W | C | NEW, 0, SELF, sys(SYS_openat, work, path, O_RDWR | O_CREAT, 0644))
ROW("openat-path", A_FILE, OPEN, L, 0, SELF, sys(SYS_openat, work, path, O_PATH))
ROW("openat2", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat2, work, path, HOW(.flags = O_RDONLY)))
ROW("openat2-creat", NOTHING, OPEN, W | C | NEW, 0, SELF, sys(SYS_openat2, work, path, HOW(.flags = O_RDWR | O_CREAT, .mode = 0644)))
ROW("openat2-path", A_FILE | LINKED, OPEN, L | N, 0, SELF, sys(SYS_openat2, work, path, HOW(.flags = O_PATH | O_NOFOLLOW)))
ROW("openat2-beneath", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_BENEATH)))
AT("openat2-beneath-escapes", "../%n", NOTHING, OPEN, 0, EXDEV, NONE, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_BENEATH)))
ROW("openat2-in-root", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat2, work, beside("/", path), HOW(.resolve = RESOLVE_IN_ROOT)))
ROW("openat2-no-symlinks", A_FILE | LINKED, OPEN, 0, ELOOP, NONE, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_NO_SYMLINKS)))
ROW("openat2-no-xdev", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_NO_XDEV)))
AT("openat2-no-magic", "/proc/self/cwd/%n", A_FILE, OPEN, 0, ELOOP, NONE, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_NO_MAGICLINKS)))
ROW("openat2-cached", A_FILE, OPEN, 0, MAY(0), SELF, sys(SYS_openat2, work, path, HOW(.resolve = RESOLVE_CACHED)))
ROW("openat2-invalid", A_FILE, OPEN, 0, EINVAL, NONE, sys(SYS_openat2, work, path, HOW(.flags = O_RDONLY, .mode = 0644)))

/* Programs */

ROW("execve", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, sys(SYS_execve, path, leaf, no_environment))
AT("execve-absolute", "%w/%n", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, sys(SYS_execve, path, leaf, no_environment))
ROW("execve-link", A_PROGRAM | LINKED | CHILD, EXEC, 0, 0, TO, sys(SYS_execve, path, leaf, no_environment))
ROW("execve-missing", CHILD, EXEC, 0, ENOENT, NONE, sys(SYS_execve, path, leaf, no_environment))
ROW("execve-denied", A_FILE | CHILD, EXEC, 0, EACCES, NONE, sys(SYS_execve, path, leaf, no_environment))
ROW("execve-script", A_SCRIPT | CHILD, EXEC, 0, 0, MAYBE(SELF), sys(SYS_execve, path, leaf, no_environment))
ALSO(EXEC, S, TO, TO)
ROW("execveat", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, sys(SYS_execveat, work, path, leaf, no_environment, 0))
ROW("execveat-link", A_PROGRAM | LINKED | CHILD, EXEC, 0, 0, TO, sys(SYS_execveat, work, path, leaf, no_environment, 0))
ROW("execveat-nofollow", A_PROGRAM | LINKED | CHILD, EXEC, N, ELOOP, NONE, sys(SYS_execveat, work, path, leaf, no_environment, AT_SYMLINK_NOFOLLOW))
ROW("execveat-script", A_SCRIPT | CHILD, EXEC, 0, 0, MAYBE(SELF), sys(SYS_execveat, work, path, leaf, no_environment, 0))
ALSO(EXEC, S, TO, TO)
ROW("execveat-empty", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, exec_descriptor(path, O_RDONLY))
ROW("execveat-empty-path", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, exec_descriptor(path, O_PATH))

/* Looking */

#ifdef SYS_stat
ROW("stat", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_stat, path, out))
ROW("stat-link", A_FILE | LINKED, STAT, 0, 0, MAYBE(TO), sys(SYS_stat, path, out))
ROW("stat-missing", NOTHING, STAT, 0, ENOENT, NONE, sys(SYS_stat, path, out))
ROW("lstat", A_FILE | LINKED, STAT, N, 0, MAYBE(SELF), sys(SYS_lstat, path, out))
#endif
#ifdef SYS_oldstat
ROW("oldstat", A_FILE, STAT, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_oldstat, path, out))
ROW("oldlstat", A_FILE | LINKED, STAT, N, ANY_ERROR, MAYBE(SELF), sys(SYS_oldlstat, path, out))
#endif
#ifdef SYS_stat64
ROW("stat64", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_stat64, path, out))
ROW("lstat64", A_FILE | LINKED, STAT, N, 0, MAYBE(SELF), sys(SYS_lstat64, path, out))
#endif
ROW("statat", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_statat, work, path, out, 0))
ROW("statat-nofollow", A_FILE | LINKED, STAT, N, 0, MAYBE(SELF), sys(SYS_statat, work, path, out, AT_SYMLINK_NOFOLLOW))
AT("statat-through-link", "%n/file", A_TREE | LINKED, STAT, 0, 0, MAYBE("%n.to/file"), sys(SYS_statat, work, path, out, 0))
ROW("statx", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_statx, work, path, 0, 0x7ff, out))
ROW("statx-nofollow", A_FILE | LINKED, STAT, N, 0, MAYBE(SELF), sys(SYS_statx, work, path, AT_SYMLINK_NOFOLLOW, 0x7ff, out))
ROW("statfs", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_statfs, path, out))
#ifdef SYS_statfs64
ROW("statfs64", A_FILE, STAT, 0, 0, MAYBE(SELF), sys(SYS_statfs64, path, 84, out))
#endif
#ifdef SYS_access
ROW("access", A_FILE, ACCESS, 0, 0, MAYBE(SELF), sys(SYS_access, path, R_OK))
ROW("access-missing", NOTHING, ACCESS, 0, ENOENT, NONE, sys(SYS_access, path, R_OK))
#endif
ROW("faccessat", A_FILE, ACCESS, 0, 0, MAYBE(SELF), sys(SYS_faccessat, work, path, R_OK))
ROW("faccessat2", A_FILE, ACCESS, 0, 0, MAYBE(SELF), sys(SYS_faccessat2, work, path, R_OK, AT_EACCESS))
ROW("faccessat2-nofollow", A_FILE | LINKED, ACCESS, N, 0, MAYBE(SELF), sys(SYS_faccessat2, work, path, F_OK, AT_SYMLINK_NOFOLLOW))
#ifdef SYS_readlink
ROW("readlink", A_FILE | LINKED, READLINK, N, 0, MAYBE(SELF), sys(SYS_readlink, path, out, 256))
ROW("readlink-file", A_FILE, READLINK, N, EINVAL, NONE, sys(SYS_readlink, path, out, 256))
#endif
ROW("readlinkat", A_FILE | LINKED, READLINK, N, 0, MAYBE(SELF), sys(SYS_readlinkat, work, path, out, 256))
#ifdef SYS_getdents
ROW("getdents", A_TREE, LIST, D, 0, SELF, sys(SYS_getdents, folder(path), out, sizeof(out)))
#endif
ROW("getdents64", A_TREE, LIST, D, 0, SELF, sys(SYS_getdents64, folder(path), out, sizeof(out)))
AT("getdents64-link", TO, A_TREE | LINKED, LIST, D, 0, TO, sys(SYS_getdents64, folder(name), out, sizeof(out)))
ALSO(OPEN, D, SELF, TO)
#ifdef SYS_readdir
ROW("readdir", A_TREE, LIST, D, MAY(0), SELF, sys(SYS_readdir, folder(path), out, 1))
#endif

/* The working folder and the root */

ROW("chdir", A_DIR, CHDIR, D, 0, SELF, back(sys(SYS_chdir, path)))
AT("chdir-absolute", "%w/%n", A_DIR, CHDIR, D, 0, SELF, back(sys(SYS_chdir, path)))
ROW("chdir-link", A_DIR | LINKED, CHDIR, D, 0, TO, back(sys(SYS_chdir, path)))
AT("chdir-link-absolute", "%w/%n", A_DIR | LINKED, CHDIR, D, 0, TO, back(sys(SYS_chdir, path)))
AT("chdir-through-link", "%n/dir", A_TREE | LINKED, CHDIR, D, 0, "%n.to/dir", back(sys(SYS_chdir, path)))
AT("chdir-up", "%n/..", A_DIR, CHDIR, D, 0, "%w", back(sys(SYS_chdir, path)))
ROW("chdir-missing", NOTHING, CHDIR, 0, ENOENT, NONE, back(sys(SYS_chdir, path)))
ROW("chdir-file", A_FILE, CHDIR, 0, ENOTDIR, NONE, back(sys(SYS_chdir, path)))
AT("chdir-then-open", "%n/file", A_TREE, OPEN, 0, 0, "%n/file", chdir_open(name, "file"))
AT("chdir-link-then-up", "%n.to/../%n.to/file", A_TREE | LINKED, OPEN, 0, 0, "%n.to/file", chdir_open(name, "../chdir-link-then-up.to/file"))
ROW("fchdir", A_DIR, CHDIR, D, 0, SELF, back(sys(SYS_fchdir, folder(path))))
ROW("chroot", A_DIR | CHILD, CHDIR, D, MAY(0), SELF, sys(SYS_chroot, path))
AT("chroot-absolute", "%w/%n", A_DIR | CHILD, CHDIR, D, MAY(0), SELF, sys(SYS_chroot, path))
ROW("chroot-link", A_DIR | LINKED | CHILD, CHDIR, D, MAY(0), TO, sys(SYS_chroot, path))
AT("chroot-through-link", "%n/dir", A_TREE | LINKED | CHILD, CHDIR, D, MAY(0), "%n.to/dir", sys(SYS_chroot, path))
ROW("chroot-missing", CHILD, CHDIR, 0, MAY(ENOENT), NONE, sys(SYS_chroot, path))
AT("chroot-then-open", "%n/file", A_TREE | CHILD, OPEN, 0, MAY(0), "%n/file", chroot_open(name, "/file"))

/* Attributes */

#ifdef SYS_chmod
ROW("chmod", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_chmod, path, 0600))
#endif
ROW("fchmodat", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_fchmodat, work, path, 0600))
ROW("fchmodat2", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_fchmodat2, work, path, 0600, 0))
ROW("fchmodat2-nofollow", A_FILE, ATTR, W | N, 0, MAYBE(SELF), sys(SYS_fchmodat2, work, path, 0600, AT_SYMLINK_NOFOLLOW))
#ifdef SYS_chown
ROW("chown", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_chown, path, 0, 0))
ROW("lchown", A_FILE | LINKED, ATTR, W | N, 0, MAYBE(SELF), sys(SYS_lchown, path, 0, 0))
#endif
#ifdef SYS_chown32
ROW("chown32", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_chown32, path, 0, 0))
ROW("lchown32", A_FILE | LINKED, ATTR, W | N, 0, MAYBE(SELF), sys(SYS_lchown32, path, 0, 0))
#endif
ROW("fchownat", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_fchownat, work, path, 0, 0, 0))
ROW("fchownat-nofollow", A_FILE | LINKED, ATTR, W | N, 0, MAYBE(SELF), sys(SYS_fchownat, work, path, 0, 0, AT_SYMLINK_NOFOLLOW))
#ifdef SYS_utime
ROW("utime", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_utime, path, NULL))
ROW("utimes", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_utimes, path, NULL))
ROW("futimesat", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_futimesat, work, path, NULL))
#endif
ROW("utimensat", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_utimensat, work, path, NULL, 0))
ROW("utimensat-nofollow", A_FILE | LINKED, ATTR, W | N, 0, MAYBE(SELF), sys(SYS_utimensat, work, path, NULL, AT_SYMLINK_NOFOLLOW))
#ifdef SYS_utimensat_time64
ROW("utimensat-time64", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_utimensat_time64, work, path, NULL, 0))
#endif
ROW("truncate", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_truncate, path, 10))
#ifdef SYS_truncate64
ROW("truncate64", A_FILE, ATTR, W, 0, MAYBE(SELF), sys(SYS_truncate64, path, 10, 0))
#endif
ROW("setxattr", A_FILE, ATTR, W, ANY_ERROR, MAYBE(SELF), sys(SYS_setxattr, path, "user.probe", "1", 1, 0))
ROW("lsetxattr", A_FILE | LINKED, ATTR, W | N, ANY_ERROR, MAYBE(SELF), sys(SYS_lsetxattr, path, "user.probe", "1", 1, 0))
ROW("getxattr", A_FILE, ATTR, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_getxattr, path, "user.probe", out, 256))
ROW("lgetxattr", A_FILE | LINKED, ATTR, N, ANY_ERROR, MAYBE(SELF), sys(SYS_lgetxattr, path, "user.probe", out, 256))
ROW("listxattr", A_FILE, ATTR, 0, 0, MAYBE(SELF), sys(SYS_listxattr, path, out, 256))
ROW("llistxattr", A_FILE | LINKED, ATTR, N, 0, MAYBE(SELF), sys(SYS_llistxattr, path, out, 256))
ROW("removexattr", A_FILE, ATTR, W, ANY_ERROR, MAYBE(SELF), sys(SYS_removexattr, path, "user.probe"))
ROW("lremovexattr", A_FILE | LINKED, ATTR, W | N, ANY_ERROR, MAYBE(SELF), sys(SYS_lremovexattr, path, "user.probe"))
ROW("setxattrat", A_FILE, ATTR, W, ANY_ERROR, MAYBE(SELF), sys(SYS_setxattrat, work, path, 0, "user.probe", XATTR_ARGUMENTS("1")))
ROW("setxattrat-nofollow", A_FILE | LINKED, ATTR, W | N, ANY_ERROR, MAYBE(SELF), sys(SYS_setxattrat, work, path, AT_SYMLINK_NOFOLLOW, "user.probe", XATTR_ARGUMENTS("1")))
ROW("getxattrat", A_FILE, ATTR, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_getxattrat, work, path, 0, "user.probe", XATTR_ARGUMENTS(out)))
ROW("listxattrat", A_FILE, ATTR, 0, 0, MAYBE(SELF), sys(SYS_listxattrat, work, path, 0, out, 256))
ROW("removexattrat", A_FILE, ATTR, W, ANY_ERROR, MAYBE(SELF), sys(SYS_removexattrat, work, path, 0, "user.probe"))
ROW("file-getattr", A_FILE, ATTR, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_file_getattr, work, path, out, 24, 0))
ROW("file-setattr", A_FILE, ATTR, W, ANY_ERROR, MAYBE(SELF), sys(SYS_file_setattr, work, path, memset(out, 0, 24), 24, 0))

/* Names that come and go */

#ifdef SYS_mkdir
ROW("mkdir", NOTHING, CREATE, C, 0, MAYBE(SELF), sys(SYS_mkdir, path, 0755))
ROW("mkdir-existing", A_DIR, CREATE, C, EEXIST, NONE, sys(SYS_mkdir, path, 0755))
ROW("mknod", NOTHING, CREATE, C, 0, MAYBE(SELF), sys(SYS_mknod, path, S_IFIFO | 0644, 0))
ROW("symlink", NOTHING, CREATE, C | N, 0, MAYBE(SELF), sys(SYS_symlink, "anything", path))
ROW("link", A_FILE, OTHER, N, 0, MAYBE(SELF), sys(SYS_link, path, beside(path, ".new")))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("rename", A_FILE, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_rename, path, beside(path, ".new")))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("unlink", A_FILE, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_unlink, path))
ROW("unlink-missing", NOTHING, REMOVE, W | N, ENOENT, NONE, sys(SYS_unlink, path))
ROW("rmdir", A_DIR, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_rmdir, path))
#endif
ROW("mkdirat", NOTHING, CREATE, C, 0, MAYBE(SELF), sys(SYS_mkdirat, work, path, 0755))
ROW("mknodat", NOTHING, CREATE, C, 0, MAYBE(SELF), sys(SYS_mknodat, work, path, S_IFIFO | 0644, 0))
ROW("symlinkat", NOTHING, CREATE, C | N, 0, MAYBE(SELF), sys(SYS_symlinkat, "anything", work, path))
ROW("linkat", A_FILE, OTHER, N, 0, MAYBE(SELF), sys(SYS_linkat, work, path, AT_FDCWD, beside(path, ".new"), 0))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("linkat-follow", A_FILE | LINKED, OTHER, 0, 0, MAYBE(TO), sys(SYS_linkat, work, path, AT_FDCWD, beside(path, ".new"), AT_SYMLINK_FOLLOW))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
AT("linkat-empty", "%n.new", A_FILE, CREATE, C | N, MAY(0), MAYBE("%n.new"), link_descriptor(name))
#ifdef SYS_renameat
ROW("renameat", A_FILE, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_renameat, work, path, AT_FDCWD, beside(path, ".new")))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
#endif
ROW("renameat2", A_FILE, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_renameat2, work, path, AT_FDCWD, beside(path, ".new"), 0))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("renameat2-exchange", A_PAIR, REMOVE, W | N, MAY(0), MAYBE(SELF), sys(SYS_renameat2, work, path, AT_FDCWD, beside(path, ".to"), 2))
ALSO(CREATE, C | N, TO, MAYBE(TO))
ROW("unlinkat", A_FILE, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_unlinkat, work, path, 0))
ROW("unlinkat-dir", A_DIR, REMOVE, W | N, 0, MAYBE(SELF), sys(SYS_unlinkat, work, path, AT_REMOVEDIR))

/* Sockets */

ROW("bind-stream", NOTHING, SOCKET, C, 0, MAYBE(SELF), sock_bind(path, SOCK_STREAM, BY_CALL))
ROW("bind-datagram", NOTHING, SOCKET, C, 0, MAYBE(SELF), sock_bind(path, SOCK_DGRAM, BY_CALL))
ROW("bind-existing", A_FILE, SOCKET, C, EADDRINUSE, NONE, sock_bind(path, SOCK_STREAM, BY_CALL))
ROW("connect-stream", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_connect(path, SOCK_STREAM, BY_CALL))
ROW("connect-seqpacket", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_connect(path, SOCK_SEQPACKET, BY_CALL))
ROW("connect-datagram", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_connect(path, SOCK_DGRAM, BY_CALL))
ROW("connect-refused", A_FILE, SOCKET, 0, ECONNREFUSED, MAYBE(SELF), sock_connect(path, 0, BY_CALL))
ROW("connect-missing", NOTHING, SOCKET, 0, ENOENT, NONE, sock_connect(path, 0, BY_CALL))
ROW("sendto", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendto(path, SOCK_DGRAM, BY_CALL))
ROW("sendto-missing", NOTHING, SOCKET, 0, ENOENT, NONE, sock_sendto(path, 0, BY_CALL))
ROW("sendto-stream", NOTHING, SOCKET, 0, EOPNOTSUPP, NONE, sock_sendto(path, SOCK_STREAM, BY_CALL))
ROW("sendmsg", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendmsg(path, SOCK_DGRAM, BY_CALL))
ROW("sendmmsg", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendmmsg(path, SOCK_DGRAM, BY_CALL))
ALSO(SOCKET, 0, TO, MAYBE(TO))
#ifdef SYS_socketcall
ROW("socketcall-bind", NOTHING, SOCKET, C, 0, MAYBE(SELF), sock_bind(path, SOCK_STREAM, BY_SOCKETCALL))
ROW("socketcall-connect", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_connect(path, SOCK_STREAM, BY_SOCKETCALL))
ROW("socketcall-connect-missing", NOTHING, SOCKET, 0, ENOENT, NONE, sock_connect(path, 0, BY_SOCKETCALL))
ROW("socketcall-sendto", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendto(path, SOCK_DGRAM, BY_SOCKETCALL))
ROW("socketcall-sendmsg", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendmsg(path, SOCK_DGRAM, BY_SOCKETCALL))
ROW("socketcall-sendmmsg", NOTHING, SOCKET, 0, 0, MAYBE(SELF), sock_sendmmsg(path, SOCK_DGRAM, BY_SOCKETCALL))
ALSO(SOCKET, 0, TO, MAYBE(TO))
#endif

/* Other calls */

ROW("inotify", A_FILE, OTHER, 0, 0, MAYBE(SELF), watch(path, IN_MODIFY))
ROW("inotify-nofollow", A_FILE | LINKED, OTHER, N, 0, MAYBE(SELF), watch(path, IN_MODIFY | IN_DONT_FOLLOW))
ROW("fanotify", A_FILE, OTHER, 0, MAY(0), MAYBE(SELF), mark(path, FAN_MARK_ADD))
ROW("fanotify-nofollow", A_FILE | LINKED, OTHER, N, MAY(0), MAYBE(SELF), mark(path, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW))
ROW("name-to-handle", A_FILE, OTHER, N, ANY_ERROR, MAYBE(SELF), name_handle(path, 0))
ROW("name-to-handle-follow", A_FILE | LINKED, OTHER, 0, ANY_ERROR, MAYBE(TO), name_handle(path, AT_SYMLINK_FOLLOW))
ROW("open-by-handle", A_FILE, OPEN, 0, MAY(0), SELF, open_handle(path))
#ifdef SYS_uselib
ROW("uselib", A_FILE, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_uselib, path))
#endif
ROW("swapon", A_FILE, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_swapon, path, 0))
ROW("swapoff", A_FILE, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_swapoff, path))
ROW("acct", A_DIR, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_acct, path))
ROW("quotactl", A_FILE, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_quotactl, QCMD(Q_GETFMT, USRQUOTA), path, 0, out))
ROW("bpf-obj-get", A_FILE, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_bpf, BPF_OBJ_GET, OBJECT(path)))
ROW("mount", A_DIR | MOUNTS, OTHER, 0, MAY(0), MAYBE(SELF), sys(SYS_mount, "none", path, "tmpfs", 0, NULL))
ROW("mount-bind", A_PAIR | MOUNTS, OTHER, 0, MAY(0), MAYBE(SELF), sys(SYS_mount, beside(path, ".to"), path, NULL, MS_BIND, NULL))
ALSO(OTHER, 0, TO, MAYBE(TO))
ROW("umount2", A_DIR | MOUNTS, OTHER, 0, MAY(EINVAL), NONE, sys(SYS_umount2, path, MNT_DETACH))
ROW("umount2-nofollow", A_DIR | LINKED | MOUNTS, OTHER, N, MAY(EINVAL), NONE, sys(SYS_umount2, path, UMOUNT_NOFOLLOW))
#ifdef SYS_umount
ROW("oldumount", A_DIR | MOUNTS, OTHER, 0, MAY(EINVAL), NONE, sys(SYS_umount, path))
#endif
ROW("pivot-root", A_TREE | MOUNTS, OTHER, 0, ANY_ERROR, NONE, sys(SYS_pivot_root, path, beside(path, "/dir")))
ROW("open-tree", A_DIR | MOUNTS, OTHER, 0, MAY(0), MAYBE(SELF), sys(SYS_open_tree, AT_FDCWD, path, 0))
ROW("open-tree-nofollow", A_DIR | LINKED | MOUNTS, OTHER, N, MAY(0), MAYBE(SELF), sys(SYS_open_tree, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW))
ROW("move-mount", A_PAIR | MOUNTS, OTHER, 0, MAY(EINVAL), NONE, sys(SYS_move_mount, AT_FDCWD, path, AT_FDCWD, beside(path, ".to"), 0x11))
ROW("fspick", A_DIR | MOUNTS, OTHER, 0, MAY(EINVAL), NONE, sys(SYS_fspick, AT_FDCWD, path, 0))
ROW("mount-setattr", A_DIR | MOUNTS, OTHER, 0, MAY(EINVAL), NONE, sys(SYS_mount_setattr, AT_FDCWD, path, 0, READ_ONLY))
ROW("open-tree-attr", A_DIR | MOUNTS, OTHER, 0, ANY_ERROR, MAYBE(SELF), sys(SYS_open_tree_attr, AT_FDCWD, path, 1, READ_ONLY))

/* io_uring */

ROW("uring-openat", A_FILE | RING, OPEN, 0, MAY(0), SELF, ring(RING_PLAIN, IORING_OP_OPENAT, work, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-creat", RING, OPEN, W | C | NEW, MAY(0), SELF, ring(RING_PLAIN, IORING_OP_OPENAT, work, path, 0644, NULL, O_WRONLY | O_CREAT, NULL))
ROW("uring-openat-link", A_FILE | LINKED | RING, OPEN, 0, MAY(0), TO, ring(RING_PLAIN, IORING_OP_OPENAT, AT_FDCWD, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-missing", RING, OPEN, 0, MAY(ENOENT), NONE, ring(RING_PLAIN, IORING_OP_OPENAT, work, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-async", A_FILE | RING, OPEN, 0, MAY(0), SELF, ring(RING_ASYNC, IORING_OP_OPENAT, work, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-async-missing", RING, OPEN, 0, MAY(ENOENT), NONE, ring(RING_ASYNC, IORING_OP_OPENAT, AT_FDCWD, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-polled", A_FILE | RING, OPEN, 0, MAY(0), SELF, ring(RING_POLLED, IORING_OP_OPENAT, AT_FDCWD, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat-direct", A_FILE | RING, OPEN, 0, MAY(0), MAYBE(SELF), ring(RING_DIRECT, IORING_OP_OPENAT, AT_FDCWD, path, 0, NULL, O_RDONLY, NULL))
ROW("uring-openat2", A_FILE | RING, OPEN, N, MAY(0), SELF, ring(RING_PLAIN, IORING_OP_OPENAT2, work, path, sizeof(struct open_how), &(struct open_how){ .flags = O_NOFOLLOW }, 0, NULL))
ROW("uring-statx", A_FILE | RING, STAT, 0, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_STATX, work, path, 0x7ff, out, 0, NULL))
ROW("uring-statx-nofollow", A_FILE | LINKED | RING, STAT, N, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_STATX, work, path, 0x7ff, out, AT_SYMLINK_NOFOLLOW, NULL))
ROW("uring-renameat", A_FILE | RING, REMOVE, W | N, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_RENAMEAT, work, path, (uint32_t)work, beside(path, ".new"), 0, NULL))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("uring-unlinkat", A_FILE | RING, REMOVE, W | N, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_UNLINKAT, work, path, 0, NULL, 0, NULL))
ROW("uring-mkdirat", RING, CREATE, C, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_MKDIRAT, work, path, 0755, NULL, 0, NULL))
ROW("uring-symlinkat", RING, CREATE, C | N, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_SYMLINKAT, work, "anything", 0, path, 0, NULL))
ROW("uring-linkat", A_FILE | RING, OTHER, N, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_LINKAT, work, path, (uint32_t)work, beside(path, ".new"), 0, NULL))
ALSO(CREATE, C | N, "%n.new", MAYBE("%n.new"))
ROW("uring-setxattr", A_FILE | RING, ATTR, W, MAY(0), MAYBE(SELF), ring(RING_PLAIN, IORING_OP_SETXATTR, 0, "user.probe", 1, "1", 0, path))
ROW("uring-getxattr", A_FILE | RING, ATTR, 0, MAY(ENODATA), NONE, ring(RING_PLAIN, IORING_OP_GETXATTR, 0, "user.probe", 256, out, 0, path))
ROW("uring-connect", RING, SOCKET, 0, MAY(0), MAYBE(SELF), sock_connect(path, SOCK_STREAM, BY_RING))
ROW("uring-connect-missing", RING, SOCKET, 0, MAY(ENOENT), NONE, sock_connect(path, 0, BY_RING))
ROW("uring-bind", RING, SOCKET, C, MAY(0), MAYBE(SELF), sock_bind(path, SOCK_STREAM, BY_RING))
ROW("uring-sendmsg", RING, SOCKET, 0, MAY(0), MAYBE(SELF), sock_sendmsg(path, SOCK_DGRAM, BY_RING))

/* Links of /proc that are none */

AT("proc-self-exe", "/proc/self/exe", NOTHING, OPEN, 0, 0, "%x", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-thread-self-exe", "/proc/thread-self/exe", NOTHING, OPEN, 0, 0, "%x", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-pid-exe", "/proc/%p/exe", NOTHING, OPEN, 0, 0, "%x", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-self-fd", "/proc/self/fd/201", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, held(name, 201, path), O_RDONLY))
AT("proc-thread-self-fd", "/proc/thread-self/fd/202", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, held(name, 202, path), O_RDONLY))
AT("proc-pid-fd", "/proc/%p/fd/203", A_FILE, OPEN, W, 0, SELF, sys(SYS_openat, AT_FDCWD, held(name, 203, path), O_RDWR))
AT("proc-task-fd", "/proc/self/task/%p/fd/204", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, held(name, 204, path), O_RDONLY))
AT("dev-fd", "/dev/fd/205", A_FILE, OPEN, 0, MAY(0), SELF, sys(SYS_openat, AT_FDCWD, held(name, 205, path), O_RDONLY))
AT("proc-self-cwd", "/proc/self/cwd/%n", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-thread-self-cwd", "/proc/thread-self/cwd/%n", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-pid-cwd", "/proc/%p/cwd/%n", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-self-root", "/proc/self/root%w/%n", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("proc-self-fd-below", "/proc/self/fd/206/file", A_TREE, OPEN, 0, 0, "%n/file", sys(SYS_openat, AT_FDCWD, held(name, 206, path), O_RDONLY))
AT("proc-self-fd-path", "/proc/self/fd/207", A_FILE, OPEN, L, 0, SELF, sys(SYS_openat, AT_FDCWD, held(name, 207, path), O_PATH))
AT("proc-self-exe-itself", "/proc/self/exe", NOTHING, OPEN, L | N | M, 0, "/proc/%p/exe", sys(SYS_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW))
AT("proc-self-status", "/proc/self/status", NOTHING, OPEN, M, 0, "/proc/%p/status", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("stat-proc-exe", "/proc/self/exe", NOTHING, STAT, 0, 0, "%x", sys(SYS_statat, AT_FDCWD, path, out, 0))
AT("stat-proc-pid-exe", "/proc/%p/exe", NOTHING, STAT, 0, 0, "%x", sys(SYS_statat, AT_FDCWD, path, out, 0))
AT("statx-proc-exe", "/proc/thread-self/exe", NOTHING, STAT, 0, 0, "%x", sys(SYS_statx, AT_FDCWD, path, 0, 0x7ff, out))
AT("stat-proc-fd", "/proc/self/fd/211", A_FILE, STAT, 0, 0, SELF, sys(SYS_statat, AT_FDCWD, held(name, 211, path), out, 0))
AT("stat-proc-cwd", "/proc/self/cwd/%n", A_FILE, STAT, 0, 0, SELF, sys(SYS_statat, AT_FDCWD, path, out, 0))
AT("stat-proc-root", "/proc/self/root%w/%n", A_FILE, STAT, 0, 0, SELF, sys(SYS_statat, AT_FDCWD, path, out, 0))
AT("access-proc-exe", "/proc/self/exe", NOTHING, ACCESS, 0, 0, "%x", sys(SYS_faccessat, AT_FDCWD, path, R_OK))
AT("access-proc-fd", "/proc/self/fd/212", A_FILE, ACCESS, 0, 0, SELF, sys(SYS_faccessat, AT_FDCWD, held(name, 212, path), R_OK))
AT("access-proc-cwd", "/proc/self/cwd/%n", A_FILE, ACCESS, 0, 0, SELF, sys(SYS_faccessat, AT_FDCWD, path, R_OK))
AT("readlink-proc-exe", "/proc/self/exe", NOTHING, READLINK, N, 0, "%x", sys(SYS_readlinkat, AT_FDCWD, path, out, 4096))
AT("readlink-proc-thread-exe", "/proc/thread-self/exe", NOTHING, READLINK, N, 0, "%x", sys(SYS_readlinkat, AT_FDCWD, path, out, 4096))
AT("readlink-proc-pid-exe", "/proc/%p/exe", NOTHING, READLINK, N, 0, "%x", sys(SYS_readlinkat, AT_FDCWD, path, out, 4096))
AT("readlink-proc-fd", "/proc/self/fd/213", A_FILE, READLINK, N, 0, SELF, sys(SYS_readlinkat, AT_FDCWD, held(name, 213, path), out, 4096))
AT("readlink-proc-cwd", "/proc/self/cwd", NOTHING, READLINK, N | D, 0, "%w", sys(SYS_readlinkat, AT_FDCWD, path, out, 4096))
AT("chdir-proc-fd", "/proc/self/fd/214", A_DIR, CHDIR, D, 0, SELF, back(sys(SYS_chdir, held(name, 214, path))))
AT("execve-proc-exe", "/proc/self/exe", CHILD, EXEC, 0, 0, "%x", sys(SYS_execve, path, leaf, no_environment))
AT("execve-proc-fd", "/proc/self/fd/215", A_PROGRAM | CHILD, EXEC, 0, 0, SELF, sys(SYS_execve, held(name, 215, path), leaf, no_environment))

/* The right path */

AT("dotdot", "%n/dir/../file", A_TREE, OPEN, 0, 0, "%n/file", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("dotdot-link", "%n/dir/../file", A_TREE | LINKED, OPEN, 0, 0, "%n.to/file", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("linked-folder", "%n/file", A_TREE | LINKED, OPEN, 0, 0, "%n.to/file", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
ROW("slashes", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, beside(".//.///", path), O_RDONLY))
ROW(NAME255, A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
ROW(NAME255 "n", NOTHING, OPEN, 0, ENAMETOOLONG, NONE, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("long-path", "%w/%l", A_PATH, OPEN, 0, MAY(0), "%w/%l", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("long-path-relative", "%w/%l", A_PATH, STAT, 0, MAY(0), MAYBE("%w/%l"), sys(SYS_statat, AT_FDCWD, path + strlen(work_path) + 1, out, 0))
AT("deep", DEEP1000 "%n", A_PATH, OPEN, 0, 0, DEEP1000 "%n", sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("deep-dirfd", DEEP1000 "%n", A_PATH, OPEN, 0, 0, DEEP1000 "%n", sys(SYS_openat, folder(DEEP1000), name, O_RDONLY))
ROW("odd-\xff\xe9 \x01\\x41\"'", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
ROW("new\nline", A_FILE, OPEN, 0, 0, SELF, sys(SYS_openat, AT_FDCWD, path, O_RDONLY))
AT("dev-null", "/dev/null", NOTHING, OPEN, W | M, 0, "/dev/null", sys(SYS_openat, AT_FDCWD, path, O_RDWR))
AT("bind-mount", "%n/dir/file", A_TREE | MOUNTS, OPEN, M, MAY(0), "=%n/file", bind_open(name))
AT("tmpfs", "%n/file", A_DIR | MOUNTS, OPEN, W | C | NEW | M, MAY(0), "%n/file", tmpfs_open(name))
AT("overlay", "%n.over/file", A_TREE | MOUNTS, OPEN, W | M, MAY(0), "%n.over/file", overlay_open(name))
AT("folder-moved", "%n/file", NOTHING, OPEN, 0, 0, "%n/file", moved_folder(name))
ALSO(OPEN, 0, "%n.to/file", "%n.to/file")
AT("working-folder-moved", "%n/file", NOTHING, OPEN, 0, 0, "%n/file", moved_working_folder(name))
ALSO(OPEN, 0, "%n.to/file", "%n.to/file")
AT("folder-deleted", "%n/file", A_DIR, OPEN, 0, ENOENT, NONE, deleted_folder(name))
AT("deleted", "/proc/self/fd/221", A_FILE, OPEN, X, 0, SELF, deleted_open(name, 221, path))
AT("renamed", "/proc/self/fd/222", A_FILE, OPEN, 0, 0, TO, renamed_open(name, 222, path))
ROW("replaced", A_PAIR, OPEN, 0, 0, SELF, replaced_open(path))
ALSO(REMOVE, W | N, TO, MAYBE(TO))
ALSO(CREATE, C | N, SELF, MAYBE(SELF))

/* From another process, which is not traced */

ROW("received", A_FILE | SERVER, OPEN, 0, 0, SELF, received(name, 'm'))
ROW("received-recvmmsg", A_FILE | SERVER, OPEN, 0, 0, SELF, received(name, 'M'))
ROW("received-write", A_FILE | SERVER, OPEN, W, 0, SELF, received(name, 'w'))
AT("received-link", TO, A_FILE | LINKED | SERVER, OPEN, 0, 0, TO, received(name, 'm'))
ROW("received-uring", A_FILE | SERVER | RING, OPEN, 0, MAY(0), SELF, received(name, 'r'))
ROW("pidfd-getfd", A_FILE | SERVER, OPEN, 0, MAY(0), SELF, received(name, 'p'))
