/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/file.h"
#include "core/log.h"
#include "packer/image_writer.h"
#include "tests/packer/specimen.h"

#include <locale.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

TestSuite(archive, .timeout = 300);

/* GNU tar with all that it can keep. */
#define TAR_ALL "tar --format=pax --xattrs --xattrs-include='*' --numeric-owner "

/* All of @root but what @except names. Owned by the caller. */
static struct mp_fileset *everything(struct mp_rootfs *root)
{
	struct mp_fileset *set = mp_fileset_new();
	MP_AUTO(mp_freep) char *text = describe(root, set);

	return set;
}

/* Writes @set to a new file at @path. */
static struct mp_archive_stats pack(struct mp_rootfs *root, const struct mp_fileset *set,
				    const char *path)
{
	MP_AUTO(mp_closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct mp_archive_stats stats = { 0 };
	struct mp_error err = { 0 };
	char hex[MP_SHA256_HEX_SIZE];

	cr_assert_geq(fd, 0, "'%s': %m", path);
	cr_assert_eq(write_archive(root, set, fd, path, &stats, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_sha256_file(path, hex, &err), 0);
	cr_expect_str_eq(hex, stats.layer_sha256);
	return stats;
}

static struct mp_archive_stats pack_all(struct mp_rootfs *root, const char *path)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = everything(root);

	return pack(root, set, path);
}

/* Packs the paths of a directory that are given; the end is NULL. */
static int pack_some(const char *dir, const char *const *paths, int fd, struct mp_error *err)
{
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = open_dir(dir);
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = mp_fileset_new();
	struct mp_archive_stats stats;

	for (; *paths; paths++) {
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

		cr_assert_eq(mp_rootfs_lookup(root, *paths, &node, err), 1, "'%s'", *paths);
		mp_fileset_add(set, *paths, &node, MP_WHY(MP_REASON_LISTED));
	}
	return write_archive(root, set, fd, "out.tar", &stats, err);
}

static void set_up(struct scratch *scratch, char **dir_out, char **tar_out)
{
	scratch_make(scratch);
	*dir_out = in(scratch, "tree");
	*tar_out = in(scratch, "out.tar");
	cr_assert_eq(mkdir(*dir_out, 0755), 0);
}

/* The same tree, however it is read, gives the same bytes; and once more. */
Test(archive, same_bytes_from_every_source)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *command = NULL, *upper = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *directory = NULL, *overlay = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *stream = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv layers = { 0 };
	struct mp_archive_stats a, b, c, d;
	struct mp_rootfs_totals totals;
	struct mp_error err;

	set_up(&scratch, &dir, &tar);
	specimen_make(dir);
	upper = in(&scratch, "upper");
	cr_assert_eq(mkdir(upper, 0755), 0);
	mp_strv_push(&layers, upper);
	mp_strv_push(&layers, dir);
	command = mp_xasprintf(TAR_ALL "-C '%s' -cf - .", dir);
	directory = open_dir(dir);
	stream = open_stream_of(command, 10000);
	cr_assert_eq(mp_rootfs_open_overlay(&layers, &overlay, &err), 0, "%s", err.msg);
	a = pack_all(directory, tar);
	b = pack_all(directory, tar);
	c = pack_all(stream, tar);
	d = pack_all(overlay, tar);
	cr_expect_str_eq(a.layer_sha256, b.layer_sha256);
	cr_expect_str_eq(a.layer_sha256, c.layer_sha256);
	cr_expect_str_eq(a.layer_sha256, d.layer_sha256);
	cr_assert_eq(mp_rootfs_totals(directory, &totals, &err), 0);
	cr_expect_eq(a.files, totals.files);
	cr_expect_eq(a.size_bytes, totals.size_bytes);
}

/* In whatever order and language. */
Test(archive, same_bytes_from_any_order_and_locale)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL, *reversed = mp_fileset_new();
	struct mp_archive_stats first, other;

	set_up(&scratch, &dir, &tar);
	specimen_make(dir);
	root = open_dir(dir);
	set = everything(root);
	for (size_t i = mp_fileset_count(set); i > 0; i--) {
		const struct mp_file *file = mp_fileset_at(set, i - 1);

		mp_fileset_add(reversed, file->path, &file->node,
			       MP_WHY(MP_REASON_TRACED, .because = "/x"));
	}
	first = pack(root, set, tar);
	cr_assert_not_null(setlocale(LC_ALL, "C.UTF-8"));
	setenv("TZ", "Asia/Tokyo", 1);
	umask(077);
	other = pack(root, reversed, tar);
	cr_expect_str_eq(first.layer_sha256, other.layer_sha256);
}

/* Unpacked by GNU tar, it is the tree that it was. */
Test(archive, unpacks_to_what_it_was)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *out = NULL, *notes = NULL;
	MP_AUTO(mp_freep) char *expected = NULL, *got = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL, *unpacked = NULL;

	set_up(&scratch, &dir, &tar);
	specimen_make(dir);
	root = open_dir(dir);
	expected = describe(root, NULL);
	pack_all(root, tar);
	out = in(&scratch, "out");
	notes = in(&scratch, "notes");
	cr_assert_eq(mkdir(out, 0755), 0);
	run("tar --xattrs --xattrs-include='*' --numeric-owner -xpf '%s' -C '%s' 2>'%s'", tar, out,
	    notes);
	unpacked = open_dir(out);
	got = describe(unpacked, NULL);
	expect_same(expected, got, "tree and what GNU tar makes of its archive");
	/* Remarks on binary names and on times, which are far from today on purpose. */
	run("! grep -Ev 'hdrcharset|implausibly old|in the future' '%s'", notes);
}

/* Byte for byte what POSIX has in mind, and no more than is needed. */
Test(archive, no_more_bytes_than_needed)
{
	static const char *const plain[] = { "/file", NULL }, *const fine[] = { "/fine", NULL };
	static const char *const utf8[] = { "/caf\xc3\xa9", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_error err;
	struct stat st;
	char header[2048] = "";

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	write_text("file", "text", 04750);
	write_text("fine", "text", 0644);
	write_text("caf\xc3\xa9", "text", 0644);
	set_time("file", 1234567890, 0);
	set_time("fine", 1234567890, 120000000);
	set_time("caf\xc3\xa9", 1234567890, 0);
	fd = open(tar, O_RDWR | O_CREAT, 0644);
	cr_assert_eq(pack_some(dir, plain, fd, &err), 0, "%s", err.msg);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_size, 512 + 512 + 1024);
	cr_expect_eq(pread(fd, header, 512, 0), 512);
	cr_expect_str_eq(header, "file");
	cr_expect_eq(memcmp(header + 100, "004750 ", 7), 0);
	cr_expect_eq(memcmp(header + 257, "ustar\00000", 8), 0);
	cr_expect_str_eq(header + 265, "");
	cr_expect_str_eq(header + 297, "");
	cr_assert_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(pack_some(dir, fine, fd, &err), 0, "%s", err.msg);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_size, 1024 + 512 + 512 + 1024);
	cr_expect_eq(pread(fd, header, 1024, 0), 1024);
	cr_expect_str_eq(header + 512, "23 mtime=1234567890.12\n");
	cr_assert_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(pack_some(dir, utf8, fd, &err), 0, "%s", err.msg);
	memset(header, 0, sizeof(header));
	cr_expect_eq(pread(fd, header, 1024, 0), 1024);
	cr_expect_str_eq(header + 512, "14 path=caf\xc3\xa9\n");
}

/* Lines of `tar -t`, joined by commas. Owned by the caller. */
static char *names_of(const char *tar)
{
	MP_AUTO(mp_freep)
	char *command = mp_xasprintf("tar --quoting-style=escape -tf '%s' | paste -sd,", tar);

	return output_of(command);
}

Test(archive, order_and_names)
{
	static const char *const paths[] = { "/z", "/a/b", "/a", "/a-b", "/", "/a/b/c", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *names = NULL, *verbose = NULL;
	MP_AUTO(mp_freep) char *command = NULL, *with_root = NULL;
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_error err;

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	run("mkdir -p a/b a-b && echo x >a/b/c && ln a/b/c z");
	fd = open(tar, O_RDWR | O_CREAT, 0644);
	cr_assert_eq(pack_some(dir, paths, fd, &err), 0, "%s", err.msg);
	names = names_of(tar);
	cr_expect_str_eq(names, "a/,a/b/,a/b/c,a-b/,z");
	command = mp_xasprintf("tar -tvf '%s' | tail -n 1 | sed 's/.* z/z/'", tar);
	verbose = output_of(command);
	cr_expect_str_eq(verbose, "z link to a/b/c");
	/* An unusual root is said. */
	cr_assert_eq(chmod(dir, 0700), 0);
	lseek(fd, 0, SEEK_SET);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(pack_some(dir, paths, fd, &err), 0, "%s", err.msg);
	with_root = names_of(tar);
	cr_expect_str_eq(with_root, "/,a/,a/b/,a/b/c,a-b/,z");
}

/* Only names of the set count: a link to what is not packed carries the contents itself. */
Test(archive, hard_links_within_the_set)
{
	static const char *const paths[] = { "/z", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *command = NULL, *text = NULL;
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_error err;

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	run("echo linked >a && ln a z");
	fd = open(tar, O_RDWR | O_CREAT, 0644);
	cr_assert_eq(pack_some(dir, paths, fd, &err), 0, "%s", err.msg);
	command = mp_xasprintf("tar -xOf '%s' z", tar);
	text = output_of(command);
	cr_expect_str_eq(text, "linked");
}

/* Names that are no UTF-8, or nearly: byte for byte, alone and in company. */
Test(archive, names_byte_for_byte)
{
	static const char *const names[] = { LATIN,           NFD,           CESU,
					     AWKWARD,         "caf\xc3\xa9", "sur-\xed\xa0\xbd",
					     "over-\xc0\xaf", "\xff\xfe" };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	for (size_t i = 0; i < MP_ARRAY_LEN(names); i++) {
		MP_AUTO(mp_freep) char *path = mp_xasprintf("/%s", names[i]);
		MP_AUTO(mp_freep) char *link = mp_xasprintf("/link-%zu", i);
		const char *const paths[] = { path, link, NULL };
		MP_AUTO(mp_closep) int fd = open(tar, O_RDWR | O_CREAT | O_TRUNC, 0644);
		MP_AUTO(mp_rootfs_freep) struct mp_rootfs *back = NULL;
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 }, symbolic = { 0 };
		struct mp_error err = { 0 };

		write_text(names[i], "x", 0644);
		cr_assert_eq(symlink(names[i], link + 1), 0);
		cr_assert_eq(pack_some(dir, paths, fd, &err), 0, "%s", err.msg);
		lseek(fd, 0, SEEK_SET);
		cr_assert_eq(feed_fd(fd, 512, &back, &err), 0, "%s", err.msg);
		cr_expect_eq(mp_rootfs_lookup(back, path, &node, &err), 1, "%zu", i);
		cr_assert_eq(mp_rootfs_lookup(back, link, &symbolic, &err), 1);
		cr_expect_str_eq(symbolic.target, names[i]);
	}
}

/* What goes wrong while it is written */

Test(archive, full_disk)
{
	static const char *const paths[] = { "/large", NULL }, *const small[] = { "/a", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;
	MP_AUTO(mp_closep) int fd = open("/dev/full", O_WRONLY);
	struct mp_error err = { 0 };

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	run("head -c 3000000 /dev/zero >large && echo >a");
	cr_expect_eq(pack_some(dir, paths, fd, &err), -1);
	cr_expect_str_eq(err.msg, "pack '/large': write 'out.tar': No space left on device");
	cr_expect_eq(err.sys_errno, ENOSPC);
	/* So little that it is noticed at the end alone. */
	cr_expect_eq(pack_some(dir, small, fd, &err), -1);
	cr_expect_str_eq(err.msg, "write 'out.tar': No space left on device");
}

Test(archive, reader_that_goes_away)
{
	static const char *const paths[] = { "/large", NULL };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;
	struct mp_error err = { 0 };
	int ends[2];

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	run("head -c 3000000 /dev/zero >large");
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	cr_expect_eq(pack_some(dir, paths, ends[1], &err), -1);
	cr_expect_str_eq(err.msg, "pack '/large': write 'out.tar': Broken pipe");
	close(ends[1]);
}

/* A file whose size changes between the plan and the archive. */
static void pack_resized(off_t size, const char *message)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *path = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_closep) int fd = -1;
	struct mp_archive_stats stats;
	struct mp_error err = { 0 };

	set_up(&scratch, &dir, &tar);
	path = mp_path_join(dir, "file");
	write_text(path, "0123456789", 0644);
	cr_assert_eq(truncate(path, 1 << 18), 0);
	root = open_dir(dir);
	set = everything(root);
	if (size < 0)
		cr_assert_eq(unlink(path), 0);
	else
		cr_assert_eq(truncate(path, size), 0);
	fd = open(tar, O_RDWR | O_CREAT, 0644);
	cr_expect_eq(write_archive(root, set, fd, tar, &stats, &err), -1, "%jd", (intmax_t)size);
	cr_expect_str_eq(err.msg, message);
}

Test(archive, files_that_change)
{
	pack_resized(0, "pack '/file': '/file' shrank while it was read");
	pack_resized((1 << 18) - 1, "pack '/file': '/file' shrank while it was read");
	pack_resized((1 << 18) + 1, "pack '/file': '/file' grew while it was read");
	pack_resized(1 << 20, "pack '/file': '/file' grew while it was read");
	pack_resized(-1, "pack '/file': '/file' is not in the image");
}

static void keep_message(enum mp_log_level level, const char *message, void *context)
{
	(void)level;
	mp_buf_addf(context, "%s\n", message);
}

/* What an archive cannot hold is said, and the rest is there. */
Test(archive, sockets_and_odd_names_are_reported)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *names = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf log = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_closep) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "sock" };

	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	write_text("x", "x", 0644);
	write_text(".wh.x", "x", 0644);
	cr_assert_eq(setxattr("x", "user.a=b", "v", 1, 0), 0);
	root = open_dir(dir);
	mp_log_set_sink(keep_message, &log);
	pack_all(root, tar);
	mp_log_set_sink(NULL, NULL);
	cr_expect_str_eq(log.data,
			 "'/.wh.x': engines take a name that begins with '.wh.' for a deleted "
			 "file\n"
			 "'/sock' is a socket, which an archive cannot hold: left out\n"
			 "'/x': left out attribute 'user.a=b', whose name an archive cannot "
			 "hold\n");
	names = names_of(tar);
	cr_expect_str_eq(names, ".wh.x,x");
}

Test(archive, empty_set)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_archive_stats stats;

	set_up(&scratch, &dir, &tar);
	root = open_dir(dir);
	stats = pack_all(root, tar);
	cr_expect_eq(stats.files, 0);
	cr_expect_str_eq(stats.layer_sha256, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6"
					     "cddfaf10ace3c6ef");
}

/* Images */

static bool docker_is_there(void)
{
	const char *must_run = getenv("MP_TEST_MUST_RUN");

	if (getenv("DOCKER_HOST"))
		return true;
	cr_assert_not(must_run && strstr(must_run, "docker"),
		      "DOCKER_HOST is not set, and MP_TEST_MUST_RUN asks for docker");
	return false;
}

static struct mp_json *image_config(const char *layer_sha256, const char *command)
{
	MP_AUTO(mp_freep)
	char *text = mp_xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\","
				  "\"config\":{\"Cmd\":[\"%s\"]},"
				  "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
				  command, layer_sha256);
	struct mp_error err;
	struct mp_json *json = mp_json_parse(text, strlen(text), "config", &err);

	cr_assert_not_null(json, "%s", err.msg);
	return json;
}

/* `docker load` of the layer at @tar, through a pipe. */
static void load(const char *tar, const char *layer_sha256, const char *tag, const char *command)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = image_config(layer_sha256, command);
	FILE *pipe = popen("docker load -q", "w");
	MP_AUTO(mp_closep) int fd = open(tar, O_RDONLY);
	struct mp_layer layer = { .fd = fd };
	struct mp_image_digests digests;
	struct mp_error err = { 0 };
	struct stat st;

	cr_assert_not_null(pipe);
	cr_assert_eq(fstat(fd, &st), 0);
	layer.size_bytes = (uint64_t)st.st_size;
	strcpy(layer.sha256, layer_sha256);
	strcpy(layer.diff_sha256, layer_sha256);
	cr_expect_eq(mp_image_write_docker(&layer, json, tag, fileno(pipe), "load", &digests, &err),
		     0, "%s", err.msg);
	cr_assert_eq(pclose(pipe), 0);
}

/* Lines of @text, but those of paths that the engine puts into every container. Owned by the
 * caller. */
static char *without_stubs(const char *text)
{
	static const char *const stubs[] = { "/.dockerenv ", "/dev/console ", "/dev/pts ",
					     "/dev/shm ",    "/etc ",         "/etc/hostname ",
					     "/etc/hosts ",  "/etc/mtab ",    "/etc/resolv.conf ",
					     "/proc ",       "/sys ",         "/dev " };
	struct mp_buf kept = { 0 };

	while (*text) {
		size_t len = strcspn(text, "\n") + 1;
		bool stub = false;

		for (size_t i = 0; i < MP_ARRAY_LEN(stubs); i++)
			stub = stub || strncmp(text, stubs[i], strlen(stubs[i])) == 0;
		if (!stub)
			mp_buf_add(&kept, text, len);
		text += len;
	}
	return mp_buf_steal(&kept);
}

/*
 * The engine's own tar writer keeps whole seconds, of attributes only capabilities, and no ACL;
 * what it cannot keep is taken out of the tree before.
 */
static void make_plain(const char *dir)
{
	cr_assert_eq(chdir(dir), 0);
	run("setfattr -x user.note bin/caps && rm -r acl && "
	    "find . -exec touch -h -d @1234567890 {} +");
	cr_assert_eq(chdir("/"), 0);
}

/* A real engine takes the image; its layer and its export hold what the tree had. */
Test(archive, engine_keeps_everything)
{
	static const char tag[] = "mp-test-archive:keeps";
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *expected = NULL, *got = NULL;
	MP_AUTO(mp_freep) char *plain = NULL, *streamed = NULL, *kept = NULL, *id = NULL;
	MP_AUTO(mp_freep) char *command = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL, *layer = NULL, *stream = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv layers = { 0 };
	struct mp_archive_stats stats;
	struct mp_error err;

	if (!docker_is_there())
		cr_skip("DOCKER_HOST is not set");
	set_up(&scratch, &dir, &tar);
	specimen_make(dir);
	/* To Go's reader, a record without a value takes back what was said; and engines know no
	 * time before 1970. */
	run("setfattr -x user.empty '%s/bin/caps' && touch -d @1 '%s/data/512' '%s/data/513'", dir,
	    dir, dir);
	root = open_dir(dir);
	expected = describe(root, NULL);
	stats = pack_all(root, tar);
	load(tar, stats.layer_sha256, tag, "/x");
	mp_strv_push_take(&layers, output_of("docker image inspect -f "
					     "'{{.GraphDriver.Data.UpperDir}}' "
					     "mp-test-archive:keeps"));
	cr_assert_eq(mp_rootfs_open_overlay(&layers, &layer, &err), 0, "%s", err.msg);
	got = describe(layer, NULL);
	run("docker image rm -f %s >/dev/null", tag);
	expect_same(expected, got, "tree and engine's layer");

	make_plain(dir);
	plain = describe(root, NULL);
	stats = pack_all(root, tar);
	load(tar, stats.layer_sha256, tag, "/x");
	id = output_of("docker create mp-test-archive:keeps");
	command = mp_xasprintf("docker export %s", id);
	stream = open_stream_of(command, 16384);
	run("docker rm %s >/dev/null && docker image rm %s >/dev/null", id, tag);
	streamed = describe(stream, NULL);
	kept = without_stubs(streamed);
	{
		MP_AUTO(mp_freep) char *comparable = without_stubs(plain);

		expect_same(comparable, kept, "tree and engine's export");
	}
}

/* And runs it. */
Test(archive, engine_runs_it)
{
	static const char tag[] = "mp-test-archive:runs";
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *dir = NULL, *tar = NULL, *output = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_archive_stats stats;

	if (!docker_is_there())
		cr_skip("DOCKER_HOST is not set");
	set_up(&scratch, &dir, &tar);
	cr_assert_eq(chdir(dir), 0);
	run("printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) "
	    "{ printf(\"%%%%d\\\\n\", (int)geteuid()); return 0; }' | "
	    "cc -static -x c -o program - && chown 1234:1234 program && chmod 4755 program && "
	    "ln program also");
	cr_assert_eq(chdir("/"), 0);
	root = open_dir(dir);
	stats = pack_all(root, tar);
	load(tar, stats.layer_sha256, tag, "/program");
	output = output_of("docker run --rm --user 99 mp-test-archive:runs /also");
	run("docker image rm %s >/dev/null", tag);
	cr_expect_str_eq(output, "1234");
}
