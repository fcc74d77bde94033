/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/rootfs_internal.h"
#include "tests/packer/specimen.h"
#include "tests/packer/tarball.h"

#include <sys/mman.h>

TestSuite(rootfs_layers, .timeout = 120);

#define LAYERS_MAX 8
#define MODE_LISTED 0711 /* of directories that a layer lists; others have 0755 */

/*
 * Layers are written as words: "dir/", "file=contents", "link->target", "name~other" (a hard link);
 * other words are names of empty files, as whiteouts are.
 */
static void add_word(struct mp_buf *tar, char *word)
{
	size_t len = strlen(word);
	char *mark;

	if (len > 0 && word[len - 1] == '/') {
		unsigned char header[512];

		header_fill(header, word, '5', 0, "");
		put_octal(header, 100, 7, MODE_LISTED);
		put_checksum(header);
		mp_buf_add(tar, header, sizeof(header));
	} else if ((mark = strstr(word, "->"))) {
		*mark = '\0';
		add_header(tar, word, '2', 0, mark + 2);
	} else if ((mark = strchr(word, '~'))) {
		*mark = '\0';
		add_header(tar, word, '1', 0, mark + 1);
	} else {
		mark = strchr(word, '=');
		if (mark)
			*mark = '\0';
		add_file(tar, word, mark ? mark + 1 : "");
	}
}

static void add_words(struct mp_buf *tar, const char *words)
{
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };

	mp_strv_split(&list, words, " ");
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i][0])
			add_word(tar, list.v[i]);
	}
}

static void list_below(struct mp_rootfs *root, const char *path, struct mp_buf *text);

/* The words of one path, and of what is below it. A directory that no layer lists is "dir/?". */
static void list_path(struct mp_rootfs *root, const char *path, struct mp_buf *text)
{
	MP_AUTO(mp_node_clear) struct mp_node node = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_lookup(root, path, &node, &err), 1, "'%s' %s", path, err.msg);
	mp_buf_addf(text, "%s%s", text->len ? " " : "", path + 1);
	if (S_ISDIR(node.mode)) {
		mp_buf_adds(text, (node.mode & 07777) == MODE_LISTED ? "/" : "/?");
		list_below(root, path, text);
	} else if (S_ISLNK(node.mode)) {
		mp_buf_addf(text, "->%s", node.target);
	} else if (node.size_bytes) {
		MP_AUTO(mp_freep) char *contents = contents_of(root, path);

		mp_buf_addf(text, "=%s", contents);
	}
}

static void list_below(struct mp_rootfs *root, const char *path, struct mp_buf *text)
{
	MP_AUTO(mp_strv_free) struct mp_strv names = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_rootfs_list(root, path, &names, &err), 0, "%s", err.msg);
	for (size_t i = 0; i < names.n; i++) {
		MP_AUTO(mp_freep) char *child = mp_path_join(path, names.v[i]);

		list_path(root, child, text);
	}
}

static char *words_of(struct mp_rootfs *root)
{
	struct mp_buf text = { 0 };

	list_below(root, "/", &text);
	return mp_buf_steal(&text);
}

/* How layers reach the stream. */
enum way { FED, FED_WITHOUT_END, TAKEN, TAKEN_FROM_ONE_FILE, WAYS };

static int take_tar(struct mp_rootfs_stream *stream, int fd, const struct mp_buf *tar,
		    struct mp_error *err)
{
	uint64_t offset = (uint64_t)lseek(fd, 0, SEEK_END);

	cr_assert_eq(pwrite(fd, tar->data, tar->len, (off_t)offset), (ssize_t)tar->len);
	return mp_rootfs_stream_take(stream, fd, offset, tar->len, err);
}

static int feed_tar(struct mp_rootfs_stream *stream, const struct mp_buf *tar, struct mp_error *err)
{
	for (size_t at = 0; at < tar->len; at += 777) {
		size_t len = tar->len - at < 777 ? tar->len - at : 777;

		if (mp_rootfs_stream_feed(stream, tar->data + at, len, err))
			return -1;
	}
	return 0;
}

/* Puts a layer of @words onto the stream. @shared: a file for all layers. */
static int put_layer(struct mp_rootfs_stream *stream, const char *words, enum way way, int shared,
		     struct mp_error *err)
{
	MP_AUTO(mp_closep) int own = memfd_create("layer", MFD_CLOEXEC);
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };

	if (mp_rootfs_stream_begin_layer(stream, "sha256:5eed", err))
		return -1;
	add_words(&tar, words);
	if (way != FED_WITHOUT_END)
		add_end(&tar);
	if (way == FED || way == FED_WITHOUT_END)
		return feed_tar(stream, &tar, err);
	return take_tar(stream, way == TAKEN ? own : shared, &tar, err);
}

static int open_layers(const char *const *layers, enum way way, struct mp_rootfs **root_out,
		       struct mp_error *err)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_closep) int shared = memfd_create("layers", MFD_CLOEXEC);

	cr_assert_eq(mp_rootfs_stream_new(&stream, err), 0, "%s", err->msg);
	for (size_t i = 0; i < LAYERS_MAX && layers[i]; i++) {
		if (put_layer(stream, layers[i], way, shared, err))
			return -1;
	}
	return mp_rootfs_stream_finish(stream, root_out, err);
}

static void expect_tree(const char *const *layers, const char *expected)
{
	for (enum way way = FED; way < WAYS; way++) {
		MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
		MP_AUTO(mp_freep) char *got = NULL;
		struct mp_error err = { 0 };

		cr_assert_eq(open_layers(layers, way, &root, &err), 0, "%s", err.msg);
		got = words_of(root);
		cr_expect_str_eq(got, expected, "%s | %s (%d): %s", layers[0], layers[1], way, got);
	}
}

static const struct {
	const char *layers[LAYERS_MAX];
	const char *tree;
} cases[] = {
	/* Joined, as they are */
	{ { "a=1 d/ d/x=1", "b=2 d/y=2" }, "a=1 b=2 d/ d/x=1 d/y=2" },
	{ { "a=1", "a=2", "a=3" }, "a=3" },
	{ { "a=1 a=2 a=3" }, "a=3" },
	{ { "", "a=1", "" }, "a=1" },
	{ { "d/x=1", "d/" }, "d/ d/x=1" },
	{ { "d/ d/x=1", "d/e/y=2" }, "d/ d/e/? d/e/y=2 d/x=1" },
	/* One thing for another */
	{ { "d/ d/x=1 d/e/ d/e/y", "d=2" }, "d=2" },
	{ { "d=1", "d/ d/x=2" }, "d/ d/x=2" },
	{ { "d/ d/x=1", "d->e" }, "d->e" },
	{ { "d/ d/x=1", "d", "d/" }, "d/" },
	{ { "l->d d/", "l/" }, "d/ l/" },
	/* Nothing is reached through a symlink, or a file, of a lower layer */
	{ { "l->d d/ d/x=1", "l/x=2" }, "d/ d/x=1 l/? l/x=2" },
	{ { "l->/etc", "l/a/passwd=2" }, "l/? l/a/? l/a/passwd=2" },
	{ { "f=1", "f/x=2" }, "f/? f/x=2" },
	{ { "l->d d/ d/x=1", "l/.wh.x" }, "d/ d/x=1 l->d" },
	{ { "l->d d/ d/x=1", "l/.wh..wh..opq" }, "d/ d/x=1 l->d" },
	/* Whiteouts */
	{ { "a=1 b=1", ".wh.a" }, "b=1" },
	{ { "a=1 b=1", ".wh.a", "a=3" }, "a=3 b=1" },
	{ { "d/ d/x=1 d/e/ d/e/y=1", ".wh.d" }, "" },
	{ { "d/ d/x=1 d/e/ d/e/y=1", "d/.wh.e" }, "d/ d/x=1" },
	{ { "d/ d/x=1 d/y=1", "d/ d/.wh.x" }, "d/ d/y=1" },
	{ { "a=1", ".wh.a .wh.a" }, "" },
	{ { "a=1 .wh.a" }, "a=1" },
	{ { ".wh.a a=1" }, "a=1" },
	{ { "a=1", "a=2 .wh.a" }, "a=2" },
	{ { "a=1", ".wh.a a=2" }, "a=2" },
	{ { "d/ d/x=1", ".wh.d d/ d/y=2" }, "d/ d/y=2" },
	{ { "d/ d/x=1", "d/ d/y=2 .wh.d" }, "d/ d/y=2" },
	{ { "d/ d/x=1", ".wh.d d/y=2" }, "d/? d/y=2" },
	{ { "d/ d/x=1", "d/y=2 .wh.d" }, "d/? d/y=2" },
	{ { "d/ d/e/ d/e/f/ d/e/f/x=1", "d/e/f/y=2 .wh.d" }, "d/? d/e/? d/e/f/? d/e/f/y=2" },
	{ { "d/ d/e/ d/e/f/ d/e/f/x=1", "d/e/f/y=2 d/.wh.e" }, "d/ d/e/? d/e/f/? d/e/f/y=2" },
	{ { "d/ d/x=1", ".wh.d", "d/ d/y=3" }, "d/ d/y=3" },
	{ { "d/ d/x=1", "d/y=2", ".wh.d" }, "" },
	{ { "a=1", ".wh.a/" }, "" },
	{ { ".wh", ".wh.x" }, ".wh" },
	{ { ".a=1 a=1", ".wh..a" }, "a=1" },
	{ { "...=1", ".wh...." }, "" },
	/* Of what is not there */
	{ { "a=1", ".wh.b" }, "a=1" },
	{ { "a=1", "no/such/.wh.b" }, "a=1" },
	{ { "a=1", "a/.wh.b" }, "a=1" },
	{ { "a=1", "a/.wh..wh..opq" }, "a=1" },
	{ { "a=1", "no/.wh..wh..opq" }, "a=1" },
	{ { ".wh.a", ".wh..wh..opq" }, "" },
	/* Opaque directories */
	{ { "d/ d/x=1 e=1", "d/ d/.wh..wh..opq d/y=2" }, "d/ d/y=2 e=1" },
	{ { "d/ d/x=1 e=1", "d/ d/y=2 d/.wh..wh..opq" }, "d/ d/y=2 e=1" },
	{ { "d/ d/x=1 d/e/ d/e/x=1", "d/ d/e/ d/e/y=2 d/.wh..wh..opq" }, "d/ d/e/ d/e/y=2" },
	{ { "d/ d/x=1 d/e/ d/e/x=1", "d/ d/e/y=2 d/.wh..wh..opq" }, "d/ d/e/? d/e/y=2" },
	{ { "d/ d/x=1 d/e/ d/e/x=1", "d/.wh..wh..opq d/e/y=2" }, "d/ d/e/? d/e/y=2" },
	{ { "d/ d/x=1", "d/.wh..wh..opq" }, "d/" },
	{ { "d/ d/x=1", "d/.wh..wh..opq", "d/z=3" }, "d/ d/z=3" },
	{ { "d/ d/x=1", "d/.wh..wh..opq d/y=2", "d/.wh..wh..opq d/z=3" }, "d/ d/z=3" },
	{ { "a=1 d/ d/x=1", ".wh..wh..opq b=2" }, "b=2" },
	{ { "a=1 d/ d/x=1", "b=2 d/y=2 .wh..wh..opq" }, "b=2 d/? d/y=2" },
	{ { "d/ d/e/ d/e/f/ d/e/f/x=1",
	    "d/e/f/y=2 d/e/f/.wh..wh..opq d/e/.wh..wh..opq d/.wh..wh..opq d/e/f/z=2" },
	  "d/ d/e/? d/e/f/? d/e/f/y=2 d/e/f/z=2" },
	/* Hard links, also to files of lower layers */
	{ { "a=1 b~a", "a=2" }, "a=2 b=1" },
	{ { "a=1", "b~a" }, "a=1 b=1" },
	{ { "a=1", "b~a .wh.a" }, "b=1" },
	{ { "a=1", "b~a", ".wh.a", "c~b" }, "b=1 c=1" },
	{ { "a=1", "a~a" }, "a=1" },
	{ { "a=1", "a/b~a" }, "a/? a/b=1" },
	{ { "d/ d/x=1", "d~d/x" }, "d=1" },
	{ { "l->t", "k~l .wh.l" }, "k->t" },
	/* AUFS */
	{ { ".wh..wh.aufs .wh..wh.orph/ .wh..wh.plnk/ .wh..wh.plnk/1.2=x a=1" }, "a=1" },
	{ { ".wh..wh.plnk/1.2=x a~.wh..wh.plnk/1.2 b~.wh..wh.plnk/1.2" }, "a=x b=x" },
	{ { ".wh.a=1 d/ d/.wh.a=1", "d/.wh..wh.a" }, "d/" },
};

Test(rootfs_layers, are_joined)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		expect_tree(cases[i].layers, cases[i].tree);
}

/* Where no layer was begun, nothing has a meaning but a name's own. */
Test(rootfs_layers, a_root_file_system_has_no_whiteouts)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_freep) char *got = NULL;

	add_words(&tar, "a=1 .wh.a=2 .wh..wh..opq=3 .wh..wh.plnk/x=4 .wh.d/ .wh.d/.wh.=5");
	root = read_tar(&tar);
	got = words_of(root);
	cr_expect_str_eq(got, ".wh..wh..opq=3 .wh..wh.plnk/? .wh..wh.plnk/x=4 .wh.a=2 .wh.d/ "
			      ".wh.d/.wh.=5 a=1");
}

/* The counts are those of what is left. */
Test(rootfs_layers, totals)
{
	static const char *const layers[LAYERS_MAX] = {
		"d/ d/x=11 d/y=222 d/z~d/x a=4444 l->a",
		"d/.wh..wh..opq d/n=55555 b~a .wh.a .wh..wh.plnk/p=77 q~.wh..wh.plnk/p",
	};
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_rootfs_totals totals;
	struct mp_error err = { 0 };

	cr_assert_eq(open_layers(layers, FED, &root, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_totals(root, &totals, &err), 0);
	cr_expect_eq(totals.files, 4); /* d/n b l q */
	cr_expect_eq(totals.size_bytes, strlen("55555444477"));
	expect_is(root, "/b", "100644 0:0 4 x1");
	expect_is(root, "/q", "100644 0:0 2 x1");
}

/* What a layer says of a directory replaces all that was said of it; what it does not list stays.
 */
Test(rootfs_layers, metadata_of_directories)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_node_clear) struct mp_node kept = { 0 }, set = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf lower = { 0 }, upper = { 0 };
	struct mp_error err = { 0 };

	add_pax(&lower, "SCHILY.xattr.user.x", "kept");
	add_header(&lower, "kept", '5', 0, "");
	add_pax(&lower, "SCHILY.xattr.user.x", "replaced");
	add_header(&lower, "set", '5', 0, "");
	add_end(&lower);
	add_file(&upper, "kept/x", "");
	add_pax(&upper, "uid", "77");
	add_header(&upper, "set", '5', 0, "");
	add_end(&upper);
	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	cr_assert_eq(mp_rootfs_stream_begin_layer(stream, "lower", &err), 0);
	cr_assert_eq(feed_tar(stream, &lower, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_stream_begin_layer(stream, "upper", &err), 0, "%s", err.msg);
	cr_assert_eq(feed_tar(stream, &upper, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_stream_finish(stream, &root, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_lookup(root, "/kept", &kept, &err), 1);
	cr_expect_eq(kept.mtime_s, 1600000000);
	cr_assert_eq(kept.n_xattrs, 1);
	cr_expect_eq(memcmp(kept.xattrs[0].value, "kept", 4), 0);
	cr_assert_eq(mp_rootfs_lookup(root, "/set", &set, &err), 1);
	cr_expect_eq(set.uid, 77);
	cr_expect_eq(set.n_xattrs, 0);
}

/* What is wrong */

static const struct {
	const char *layers[LAYERS_MAX];
	const char *message;
} hostile[] = {
	{ { "a", ".wh.." }, "malformed archive: '/.wh..' is a whiteout of no name" },
	{ { "a", "d/.wh..." }, "malformed archive: '/d/.wh...' is a whiteout of no name" },
	{ { "a", "d/.wh." }, "malformed archive: '/d/.wh.' is a whiteout of no name" },
	{ { "a", ".wh." }, "malformed archive: '/.wh.' is a whiteout of no name" },
	{ { "d/", ".wh.d/x" }, "malformed archive: '/.wh.d/x' lies below a whiteout" },
	{ { "d/", "e/.wh..wh..opq/x" },
	  "malformed archive: '/e/.wh..wh..opq/x' lies below a whiteout" },
	{ { "a", "../.wh.x" }, "malformed archive: '../.wh.x' leads out of it" },
	{ { "a", "d/../.wh.x" }, "malformed archive: 'd/../.wh.x' leads out of it" },
	{ { "d/", "f f/x" },
	  "malformed archive: '/f/x' lies below '/f', which is not a directory" },
	{ { "d/", "l->d l/x" },
	  "malformed archive: '/l/x' lies below '/l', which is not a directory" },
	{ { "a=1", ".wh.a b~a" },
	  "malformed archive: '/b' is a hard link to '/a', which is not a file before it" },
	{ { "l->d d/ d/x", "b~l/x" },
	  "malformed archive: '/b' is a hard link to '/l/x', which is not a file before it" },
	{ { "a", "b~c c~b" },
	  "malformed archive: '/b' is a hard link to '/c', which is not a file before it" },
	{ { "a", "b~.wh.a" },
	  "malformed archive: '/b' is a hard link to '/.wh.a', which is not a file before it" },
	{ { ".wh..wh.plnk/1=x", "b~.wh..wh.plnk/1" },
	  "malformed archive: '/b' is a hard link to '/.wh..wh.plnk/1', which is not a file "
	  "before it" },
	{ { "a", "./=x" }, "malformed archive: its root is not a directory" },
};

Test(rootfs_layers, refuses)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(hostile); i++) {
		MP_AUTO(mp_freep)
		char *expected = mp_xasprintf("layer 'sha256:5eed': %s", hostile[i].message);

		for (enum way way = FED; way < WAYS; way++) {
			MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
			struct mp_error err = { 0 };

			cr_expect_eq(open_layers(hostile[i].layers, way, &root, &err), -1, "%s",
				     expected);
			cr_expect_str_eq(err.msg, expected);
			cr_expect_eq(err.code, MP_E_FORMAT);
		}
	}
}

/* Cut anywhere but between two entries, a layer is an error, whether another follows or not. */
Test(rootfs_layers, truncations)
{
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_error err = { 0 };

	add_pax(&tar, "path", "some/longer/name");
	add_file(&tar, "a", "contents");
	for (size_t len = 0; len <= tar.len; len++) {
		MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
		bool whole = len == 0 || len == tar.len;

		cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
		cr_assert_eq(mp_rootfs_stream_begin_layer(stream, "cut", &err), 0);
		cr_assert_eq(mp_rootfs_stream_feed(stream, tar.data, len, &err), 0);
		cr_expect_eq(mp_rootfs_stream_begin_layer(stream, "next", &err), whole ? 0 : -1,
			     "%zu", len);
		cr_expect(whole || strstr(err.msg, "layer 'cut': malformed archive: ") == err.msg,
			  "%zu: %s", len, err.msg);
	}
}

/* Calls in an order that makes no sense are errors, and stay so. */
Test(rootfs_layers, order_of_calls)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL, *other = NULL;
	MP_AUTO(mp_closep) int fd = memfd_create("layer", MFD_CLOEXEC);
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_error err = { 0 };

	add_file(&tar, "a", "");
	add_end(&tar);
	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	cr_assert_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), 0);
	cr_expect_eq(mp_rootfs_stream_begin_layer(stream, "late", &err), -1);
	cr_expect_str_eq(err.msg, "a layer cannot lie over an archive that is none");
	cr_expect_eq(mp_rootfs_stream_feed(stream, tar.data, tar.len, &err), -1);
	cr_assert_eq(mp_rootfs_stream_new(&other, &err), 0);
	cr_assert_eq(take_tar(other, fd, &tar, &err), 0);
	cr_expect_eq(take_tar(other, fd, &tar, &err), -1);
	cr_expect_str_eq(err.msg, "an archive goes on in another");
	cr_expect_eq(take_tar(other, fd, &tar, &err), -1);
}

/* The archive's own bytes are what is read, but for files with holes, which are not in one piece.
 */
Test(rootfs_layers, contents_stay_where_they_are)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_closep) int fd = memfd_create("layer", MFD_CLOEXEC);
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_contents plain, sparse;
	struct mp_error err = { 0 };
	struct stat ours, theirs;
	char text[3] = "";

	add_file(&tar, "plain", "it");
	add_sparse(&tar, "1099511627776", "0,2,1099511627774,2", "aabb");
	add_end(&tar);
	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	cr_assert_eq(pwrite(fd, "some bytes before it", 20, 0), 20);
	cr_assert_eq(take_tar(stream, fd, &tar, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_stream_finish(stream, &root, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_open(root, "/plain", &plain, &err), 0, "%s", err.msg);
	cr_assert_eq(mp_rootfs_open(root, "/sparse", &sparse, &err), 0, "%s", err.msg);
	cr_expect_neq(plain.fd, fd);
	cr_assert_eq(fstat(fd, &ours) | fstat(plain.fd, &theirs), 0);
	cr_expect(ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev);
	cr_expect_eq(plain.offset, 20 + 512);
	cr_expect_eq(plain.size_bytes, 2);
	cr_expect_eq(sparse.size_bytes, (uint64_t)1 << 40);
	cr_expect_eq(mp_contents_read(&sparse, text, 2, ((uint64_t)1 << 40) - 2), 2);
	cr_expect_str_eq(text, "bb");
	cr_assert_eq(fstat(sparse.fd, &theirs), 0);
	cr_expect_lt(theirs.st_blocks, 100);
}

/* An archive that says more than there is. */
Test(rootfs_layers, taken_from_a_file_that_is_too_short)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	MP_AUTO(mp_closep) int fd = memfd_create("layer", MFD_CLOEXEC);
	MP_AUTO(mp_buf_free) struct mp_buf tar = { 0 };
	struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };

	add_header(&tar, "large", '0', (uint64_t)1 << 40, "");
	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	cr_assert_eq(take_tar(stream, fd, &tar, &err), 0, "%s", err.msg);
	cr_expect_eq(mp_rootfs_stream_finish(stream, &root, &err), -1);
	cr_expect_str_eq(err.msg, "malformed archive: 'large': it ends too early");
}

Test(rootfs_layers, as_many_as_there_are)
{
	MP_AUTO(mp_rootfs_stream_freep) struct mp_rootfs_stream *stream = NULL;
	struct mp_error err = { 0 };
	int i = 0;

	cr_assert_eq(mp_rootfs_stream_new(&stream, &err), 0);
	while (i < 100000 && mp_rootfs_stream_begin_layer(stream, "empty", &err) == 0)
		i++;
	cr_expect_eq(i, 65535);
	cr_expect_str_eq(err.msg, "layer 'empty': more than 65535 layers");
}

/* The kernel's overlay of the same layers */

static void make_entry(const char *dir, char *word)
{
	MP_AUTO(mp_freep) char *path = mp_xasprintf("%s/%s", dir, word);
	char *base = strrchr(path, '/') + 1, *mark;

	if (!*base) {
		cr_assert(mkdir(path, MODE_LISTED) == 0, "'%s': %m", path);
	} else if (strcmp(base, ".wh..wh..opq") == 0) {
		base[-1] = '\0';
		cr_assert_eq(setxattr(path, "trusted.overlay.opaque", "y", 1, 0), 0, "%m");
	} else if (strncmp(base, ".wh.", 4) == 0) {
		memmove(base, base + 4, strlen(base + 4) + 1);
		cr_assert_eq(mknod(path, S_IFCHR, makedev(0, 0)), 0, "'%s': %m", path);
	} else if ((mark = strstr(base, "->"))) {
		*mark = '\0';
		cr_assert_eq(symlink(mark + 2, path), 0, "'%s': %m", path);
	} else {
		mark = strchr(base, '=');
		*mark = '\0';
		write_text(path, mark + 1, 0644);
	}
}

static void make_layer(const char *dir, const char *words)
{
	MP_AUTO(mp_strv_free) struct mp_strv list = { 0 };

	mp_strv_split(&list, words, " ");
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i][0])
			make_entry(dir, list.v[i]);
	}
}

static uint32_t next_number(uint32_t *state, uint32_t bound)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % bound;
}

/* Entries for some of the names a, b and c in @dir ("", or "a/b/"), each at most once. */
static void invent(uint32_t *state, const char *dir, int depth, int layer, struct mp_buf *words)
{
	for (char name = 'a'; name <= 'c'; name++) {
		MP_AUTO(mp_freep) char *path = mp_xasprintf("%s%c", dir, name);
		MP_AUTO(mp_freep) char *below = mp_xasprintf("%s/", path);

		switch (next_number(state, 7)) {
		case 0:
		case 1:
			if (depth == 3)
				break;
			mp_buf_addf(words, "%s ", below);
			if (next_number(state, 4) == 0)
				mp_buf_addf(words, "%s.wh..wh..opq ", below);
			invent(state, below, depth + 1, layer, words);
			break;
		case 2:
			mp_buf_addf(words, "%s=%d ", path, layer);
			break;
		case 3:
			mp_buf_addf(words, "%s->%c%d ", path, name, layer);
			break;
		case 4:
			mp_buf_addf(words, "%s.wh.%c ", dir, name);
			break;
		default:
			break;
		}
	}
}

static void compare_with_overlay(uint32_t seed)
{
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_strv_free) struct mp_strv dirs = { 0 }, layers = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *overlay = NULL;
	MP_AUTO(mp_freep) char *expected = NULL;
	struct mp_error err = { 0 };
	const char *words[LAYERS_MAX] = { 0 };

	scratch_make(&scratch);
	for (int i = 0; i < 4; i++) {
		MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
		const char *name = (const char *const[]){ "0", "1", "2", "3" }[3 - i];

		invent(&seed, "", 0, i, &text);
		mp_buf_addc(&text, ' ');
		mp_strv_push(&layers, text.data);
		mp_strv_push_take(&dirs, in(&scratch, name));
		cr_assert_eq(mkdir(dirs.v[i], 0755), 0);
		make_layer(dirs.v[i], text.data);
		words[i] = layers.v[i];
	}
	/* Uppermost first. */
	for (size_t i = 0; i < 2; i++) {
		char *dir = dirs.v[i];

		dirs.v[i] = dirs.v[3 - i];
		dirs.v[3 - i] = dir;
	}
	cr_assert_eq(mp_rootfs_open_overlay(&dirs, &overlay, &err), 0, "%s", err.msg);
	expected = words_of(overlay);
	expect_tree(words, expected);
}

Test(rootfs_layers, are_what_an_overlay_of_them_is)
{
	for (uint32_t seed = 1; seed <= 60; seed++)
		compare_with_overlay(seed);
}
