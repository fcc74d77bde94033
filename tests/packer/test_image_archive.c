/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/image_archive.h"

#include "core/file.h"
#include "packer/oci.h"
#include "tests/packer/specimen.h"

TestSuite(image_archive, .timeout = 120);

#define ZERO64 "0000000000000000000000000000000000000000000000000000000000000000"
#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"
#define TAR "tar --format=pax --xattrs --xattrs-include='*' --numeric-owner --sort=name "

/* A layout that is being made. Its pieces may be changed before it is finished. */
struct layout {
	struct scratch scratch;
	char *dir;
	struct mp_buf layers, diff_ids, files; /* JSON texts, and names for a docker archive */
	char *config, *manifest;               /* what is written; NULL: what is right */
};

static void layout_make(struct layout *layout)
{
	*layout = (struct layout){ 0 };
	scratch_make(&layout->scratch);
	layout->dir = in(&layout->scratch, "layout");
	run("mkdir -p '%s/blobs/sha256' '%s/tree'", layout->dir, layout->scratch.dir);
}

static void layout_clear(struct layout *layout)
{
	scratch_clear(&layout->scratch);
	mp_freep(&layout->dir);
	mp_buf_free(&layout->layers);
	mp_buf_free(&layout->diff_ids);
	mp_buf_free(&layout->files);
	mp_freep(&layout->config);
	mp_freep(&layout->manifest);
}

/* Moves the file to its place among the blobs. "sha256:…", owned by the caller. */
static char *put_blob_file(const struct layout *layout, const char *path)
{
	struct mp_error err = { 0 };
	char hex[MP_SHA256_HEX_SIZE];

	cr_assert_eq(mp_sha256_file(path, hex, &err), 0, "%s", err.msg);
	run("mv '%s' '%s/blobs/sha256/%s'", path, layout->dir, hex);
	return mp_xasprintf("sha256:%s", hex);
}

static char *put_blob(const struct layout *layout, const char *text)
{
	MP_AUTO(mp_freep) char *path = in(&layout->scratch, "blob");

	write_text(path, text, 0644);
	return put_blob_file(layout, path);
}

static void describe_blob(struct mp_buf *json, const char *type, const char *digest, size_t size)
{
	mp_buf_addf(json, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}",
		    json->len ? "," : "", type, digest, size);
}

static size_t size_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s: %m", path);
	return (size_t)st.st_size;
}

/* A layer from the file at @plain, a tar archive, through @filter ("cat", "gzip -n"). */
static void add_layer_file(struct layout *layout, const char *plain, const char *filter)
{
	MP_AUTO(mp_freep) char *packed = in(&layout->scratch, "packed");
	MP_AUTO(mp_freep) char *digest = NULL;
	struct mp_error err = { 0 };
	char hex[MP_SHA256_HEX_SIZE];
	size_t size;

	cr_assert_eq(mp_sha256_file(plain, hex, &err), 0, "%s", err.msg);
	run("{ %s; } <'%s' >'%s'", filter, plain, packed);
	size = size_of(packed);
	digest = put_blob_file(layout, packed);
	describe_blob(&layout->layers, LAYER_TYPE, digest, size);
	mp_buf_addf(&layout->diff_ids, "%s\"sha256:%s\"", layout->diff_ids.len ? "," : "", hex);
	mp_buf_addf(&layout->files, "%s\"blobs/sha256/%s\"", layout->files.len ? "," : "",
		    digest + 7);
}

/* A layer of what @command leaves in an empty directory. */
static void add_layer(struct layout *layout, const char *command, const char *filter)
{
	MP_AUTO(mp_freep) char *plain = in(&layout->scratch, "plain.tar");

	run("cd '%s' && rm -rf tree && mkdir tree && cd tree && { %s; } && " TAR "-cf '%s' .",
	    layout->scratch.dir, command, plain);
	add_layer_file(layout, plain, filter);
}

static void layout_finish(struct layout *layout)
{
	MP_AUTO(mp_freep) char *config = NULL;
	MP_AUTO(mp_freep) char *config_digest = NULL;
	MP_AUTO(mp_freep) char *manifest = NULL;
	MP_AUTO(mp_freep) char *digest = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_freep) char *path = mp_path_join(layout->dir, "index.json");
	MP_AUTO(mp_buf_free) struct mp_buf described = { 0 };

	config = layout->config
			 ? mp_xstrdup(layout->config)
			 : mp_xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\","
					"\"created\":\"2026-01-02T03:04:05Z\","
					"\"config\":{\"Env\":[\"A=b\"],\"Cmd\":[\"/bin/x\"]},"
					"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
					layout->diff_ids.data ? layout->diff_ids.data : "");
	config_digest = put_blob(layout, config);
	describe_blob(&described, CONFIG_TYPE, config_digest, strlen(config));
	manifest = layout->manifest
			   ? mp_xstrdup(layout->manifest)
			   : mp_xasprintf("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}",
					  described.data,
					  layout->layers.data ? layout->layers.data : "");
	digest = put_blob(layout, manifest);
	text = mp_xasprintf("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":%zu,"
			    "\"annotations\":{\"org.opencontainers.image.ref.name\":\"one\"}}]}",
			    digest, strlen(manifest));
	write_text(path, text, 0644);
	mp_freep(&path);
	mp_freep(&text);
	/* The same as a docker archive. */
	path = mp_path_join(layout->dir, "manifest.json");
	text = mp_xasprintf("[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"one:latest\"],"
			    "\"Layers\":[%s]}]",
			    config_digest + 7, layout->files.data ? layout->files.data : "");
	write_text(path, text, 0644);
}

/* The text of what is opened, or the error with "! " before it. Owned by the caller. */
static char *text_of(const char *reference)
{
	MP_AUTO(mp_image_freep) struct mp_image *image = NULL;
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *root = NULL;
	struct mp_error err = { 0 };

	if (mp_image_archive_open(reference, &image, &root, &err))
		return mp_xasprintf("! %d %s", (int)err.code, err.msg);
	cr_assert_str_eq(image->reference, reference);
	cr_assert_eq(strlen(image->id), 71);
	cr_assert_eq(image->config.env.n, 1);
	cr_assert_str_eq(image->config.env.v[0], "A=b");
	cr_assert_str_eq(image->architecture, "amd64");
	cr_assert_str_eq(image->created, "2026-01-02T03:04:05Z");
	return describe(root, NULL);
}

static void expect_text(const char *expected, const char *prefix, const char *place)
{
	MP_AUTO(mp_freep) char *reference = mp_xasprintf("%s%s", prefix, place);
	MP_AUTO(mp_freep) char *text = text_of(reference);

	expect_same(expected, text, reference);
}

/* Opening the layout fails with @message in the error. */
static void expect_error(const struct layout *layout, enum mp_code code, const char *message)
{
	MP_AUTO(mp_freep) char *reference = mp_xasprintf("oci:%s", layout->dir);
	MP_AUTO(mp_freep) char *text = text_of(reference);
	MP_AUTO(mp_freep) char *start = mp_xasprintf("! %d ", (int)code);

	cr_assert(strncmp(text, start, strlen(start)) == 0, "%.300s", text);
	cr_assert_not_null(strstr(text, message), "'%s' is not in: %s", message, text);
}

/* Everything that a file system can hold, by every way in. */
Test(image_archive, specimen_by_every_source)
{
	static const char *const filters[] = { "cat", "gzip -nc", "zstd -qc" };
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_rootfs_freep) struct mp_rootfs *directory = NULL;
	MP_AUTO(mp_freep) char *tree = NULL;
	MP_AUTO(mp_freep) char *plain = NULL;
	MP_AUTO(mp_freep) char *archive = NULL;
	MP_AUTO(mp_freep) char *expected = NULL;

	layout_make(&layout);
	tree = in(&layout.scratch, "tree");
	plain = in(&layout.scratch, "plain.tar");
	archive = in(&layout.scratch, "archive");
	specimen_make(tree);
	directory = open_dir(tree);
	expected = describe(directory, NULL);
	for (size_t i = 0; i < MP_ARRAY_LEN(filters); i++) {
		run(TAR "-C '%s' -cf '%s' .", tree, plain);
		run("rm -rf '%s' && mkdir -p '%s/blobs/sha256'", layout.dir, layout.dir);
		layout.layers.len = layout.diff_ids.len = layout.files.len = 0;
		add_layer_file(&layout, plain, filters[i]);
		layout_finish(&layout);
		expect_text(expected, "oci:", layout.dir);
		run("tar -C '%s' -cf '%s' .", layout.dir, archive);
		expect_text(expected, "oci-archive:", archive);
		expect_text(expected, "docker-archive:", archive);
		run("%s <'%s' >'%s.packed'", filters[(i + 1) % 3], archive, archive);
		run("mv '%s.packed' '%s'", archive, archive);
		expect_text(expected, "oci-archive:", archive);
		expect_text(expected, "docker-archive:", archive);
	}
}

/* Layers over one another, of all kinds, one of them empty; from a pipe too. */
Test(image_archive, layers_and_a_pipe)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *pipe = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_freep) char *reference = NULL;
	MP_AUTO(mp_freep) char *piped = NULL;

	layout_make(&layout);
	add_layer(&layout, "mkdir a b; echo 1 >a/x; echo 2 >a/y; echo 3 >b/z", "gzip -nc");
	add_layer(&layout, ":", "zstd -qc");
	add_layer(&layout, "mkdir a b; : >a/.wh.x; : >b/.wh..wh..opq; echo 4 >b/w", "cat");
	layout_finish(&layout);
	reference = mp_xasprintf("oci:%s:one", layout.dir);
	text = text_of(reference);
	cr_assert_null(strstr(text, "/a/x"), "%s", text);
	cr_assert_null(strstr(text, "/b/z"), "%s", text);
	cr_assert_not_null(strstr(text, "/a/y"), "%s", text);
	cr_assert_not_null(strstr(text, "/b/w"), "%s", text);
	pipe = in(&layout.scratch, "pipe");
	cr_assert_eq(mkfifo(pipe, 0600), 0);
	run("tar -C '%s' -cf '%s' . &", layout.dir, pipe);
	expect_text(text, "docker-archive:", pipe);
	run("tar -C '%s' -c . | gzip >'%s' &", layout.dir, pipe);
	piped = mp_xasprintf("%s:one", pipe);
	expect_text(text, "oci-archive:", piped);
}

/* An old docker archive: a layer that is another's again is a symlink. */
Test(image_archive, docker_archive_with_links)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *diff_id = NULL;
	MP_AUTO(mp_freep) char *archive = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	MP_AUTO(mp_freep) char *reference = NULL;

	layout_make(&layout);
	add_layer(&layout, "echo 1 >x", "cat");
	diff_id = mp_xstrdup(layout.diff_ids.data);
	mp_buf_addf(&layout.diff_ids, ",%s", diff_id);
	layout.files.len = 0;
	mp_buf_adds(&layout.files, "\"a/layer.tar\",\"b/layer.tar\"");
	layout_finish(&layout);
	run("cd '%s' && mkdir a b && ln -s ../a/layer.tar b/layer.tar && rm index.json && "
	    "mv blobs/sha256/%.64s a/layer.tar",
	    layout.dir, strstr(layout.layers.data, "sha256:") + 7);
	archive = in(&layout.scratch, "archive");
	run("tar -C '%s' -cf '%s' .", layout.dir, archive);
	reference = mp_xasprintf("docker-archive:%s:docker.io/library/one", archive);
	text = text_of(reference);
	cr_assert_not_null(strstr(text, "/x "), "%s", text);
	mp_freep(&text);
	mp_freep(&reference);
	reference = mp_xasprintf("docker-archive:%s:two", archive);
	text = text_of(reference);
	cr_assert_not_null(strstr(text, "no such image; there are: one:latest"), "%s", text);
}

/* A TiB of hole behind the blocks that end the archive: read block by block, it would take hours.
 */
Test(image_archive, what_follows_the_end)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *archive = NULL;
	MP_AUTO(mp_freep) char *reference = NULL;
	MP_AUTO(mp_freep) char *text = NULL;

	layout_make(&layout);
	add_layer(&layout, "echo 1 >x", "cat");
	layout_finish(&layout);
	archive = in(&layout.scratch, "archive");
	run("tar -C '%s' -cf '%s' . && truncate -s +1T '%s'", layout.dir, archive, archive);
	reference = mp_xasprintf("oci-archive:%s", archive);
	text = text_of(reference);
	cr_assert_not_null(strstr(text, "/x "), "%s", text);
}

/* What is written over what is right: in a blob, by a sed script, or a manifest of its own. */
Test(image_archive, digests)
{
	static const struct {
		const char *change; /* of the blob that has it in its text… */
		const char *message;
	} cases[] = {
		{ "schemaVersion", "its digest is sha256:" },
		{ "diff_ids", "its digest is sha256:" },
		{ "ustar", "its digest is sha256:" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };

		layout_make(&layout);
		add_layer(&layout, "echo 1 >x", "cat");
		layout_finish(&layout);
		run("cd '%s/blobs/sha256' && sed -i 's/%s/\\U&/' $(grep -la '%s' *)", layout.dir,
		    cases[i].change, cases[i].change);
		expect_error(&layout, MP_E_FORMAT, cases[i].message);
		expect_error(&layout, MP_E_FORMAT, ", and should be sha256:");
	}
}

Test(image_archive, digest_of_what_is_decompressed)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };

	layout_make(&layout);
	add_layer(&layout, "echo 1 >x", "gzip -nc");
	layout.diff_ids.len = 0;
	mp_buf_addf(&layout.diff_ids, "\"sha256:" ZERO64 "\"");
	layout_finish(&layout);
	expect_error(&layout, MP_E_FORMAT, "decompressed: its digest is sha256:");
	expect_error(&layout, MP_E_FORMAT, "and should be sha256:" ZERO64);
}

Test(image_archive, damaged_layers)
{
	static const struct {
		const char *filter, *message;
	} cases[] = {
		{ "xz -c", "it is compressed by xz, which is not read; decompress it" },
		{ "bzip2 -c", "compressed by bzip2" },
		{ "gzip -c | head -c 5000", "decompress it: " },
		{ "zstd -qc | head -c 5000", "decompress it: " },
		{ "head -c 700", "malformed archive" },
		{ "gzip -c | gzip -c", "malformed archive" },
		{ "sed s/ustar/USTAR/", "malformed archive" },
		{ "tr '\\0' '\\1'", "malformed archive" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };
		MP_AUTO(mp_freep) char *plain = NULL;

		layout_make(&layout);
		plain = in(&layout.scratch, "plain.tar");
		run("cd '%s' && head -c 9000 /dev/urandom >tree/x && " TAR "-C tree -cf %s .",
		    layout.scratch.dir, plain);
		add_layer_file(&layout, plain, cases[i].filter);
		/* The right digest of the wrong bytes. */
		if (i >= 4 && i != 5) {
			mp_buf_clear(&layout.diff_ids);
			mp_buf_addf(&layout.diff_ids, "\"sha256:%.64s\"",
				    strstr(layout.layers.data, "sha256:") + 7);
		}
		layout_finish(&layout);
		expect_error(&layout, MP_E_FORMAT, cases[i].message);
		expect_error(&layout, MP_E_FORMAT, "layer 'blobs/sha256/");
	}
}

/* 1.2 GB of zeros in some 40 kB. */
Test(image_archive, bomb)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *packed = NULL;
	MP_AUTO(mp_freep) char *digest = NULL;

	layout_make(&layout);
	packed = in(&layout.scratch, "packed");
	run("cd '%s' && truncate -s 1200M tree/zeros && tar -C tree -c . | zstd -qc >packed",
	    layout.scratch.dir);
	describe_blob(&layout.layers, LAYER_TYPE, "sha256:" ZERO64, 0);
	mp_buf_clear(&layout.layers);
	{
		size_t size = size_of(packed);

		digest = put_blob_file(&layout, packed);
		describe_blob(&layout.layers, LAYER_TYPE, digest, size);
	}
	mp_buf_adds(&layout.diff_ids, "\"sha256:" ZERO64 "\"");
	layout_finish(&layout);
	expect_error(&layout, MP_E_FORMAT, "which no honest file does");
	expect_error(&layout, MP_E_FORMAT, digest + 7);
}

Test(image_archive, what_a_layout_lacks)
{
	static const struct {
		const char *change; /* a command in the layout */
		enum mp_code code;
		const char *message;
	} cases[] = {
		{ "rm index.json", MP_E_USAGE, "no 'index.json' is in it; an OCI layout has one" },
		{ "echo '{' >index.json", MP_E_FORMAT, "index.json: line" },
		{ "echo '[]' >index.json", MP_E_FORMAT, "index: it is not an object" },
		{ "echo '{\"manifests\":[]}' >index.json", MP_E_USAGE, "no image is in it" },
		{ "echo '{\"manifests\":7}' >index.json", MP_E_FORMAT,
		  "'manifests' is not an array" },
		{ "head -c 5000000 /dev/zero >index.json", MP_E_FORMAT,
		  "larger than 4194304 bytes" },
		{ "yes [ | tr -d '\\n' | head -c 4000000 >index.json", MP_E_FORMAT,
		  "index.json: " },
		{ "rm blobs/sha256/*", MP_E_FORMAT, "' is not there" },
		{ "rm $(grep -la ustar blobs/sha256/*)", MP_E_FORMAT, "it is not there" },
		{ "truncate -s +1 $(grep -la ustar blobs/sha256/*)", MP_E_FORMAT,
		  "and should have" },
		{ "rm index.json; mkfifo index.json", MP_E_FORMAT,
		  "'index.json' is not a regular" },
		{ "rm index.json; mkdir index.json", MP_E_FORMAT, "'index.json' is not a regular" },
		{ "rm index.json; ln -s /etc/passwd index.json", MP_E_FORMAT,
		  "leads out of the layout" },
		{ "mv index.json ..; ln -s ../index.json index.json", MP_E_FORMAT,
		  "leads out of the" },
		{ "rm index.json; ln -s index.json index.json", MP_E_SYS, "'index.json'" },
		{ "mv blobs ..; ln -s ../blobs blobs", MP_E_FORMAT, "leads out of the layout" },
		{ "f=$(grep -la ustar blobs/sha256/*); rm $f; mkfifo $f", MP_E_FORMAT,
		  "is not a regular" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };

		layout_make(&layout);
		add_layer(&layout, "echo 1 >x", "cat");
		layout_finish(&layout);
		run("cd '%s' && { %s; }", layout.dir, cases[i].change);
		expect_error(&layout, cases[i].code, cases[i].message);
	}
}

/* Links inside of a layout are followed. */
Test(image_archive, links_in_a_layout)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *reference = NULL;
	MP_AUTO(mp_freep) char *text = NULL;

	layout_make(&layout);
	add_layer(&layout, "echo 1 >x", "cat");
	layout_finish(&layout);
	run("cd '%s' && mv blobs real && ln -s real blobs && mv index.json real/i && "
	    "ln -s blobs/i index.json",
	    layout.dir);
	reference = mp_xasprintf("oci:%s", layout.dir);
	text = text_of(reference);
	cr_assert_not_null(strstr(text, "/x "), "%s", text);
}

Test(image_archive, manifests_and_configurations)
{
#define DESCRIPTOR "{\"digest\":\"sha256:" ZERO64 "\",\"size\":2}"
	static const struct {
		const char *manifest, *message;
	} cases[] = {
		{ "{}", "no 'config'" },
		{ "[]", "it is not an object" },
		{ "{\"schemaVersion\":1}", "'schemaVersion' is 1, and not 2" },
		{ "{\"schemaVersion\":\"2\"}", "'schemaVersion' is not an integer" },
		{ "{\"config\":7}", "'config' is not an object" },
		{ "{\"config\":{}}", "config: 'digest': '' is no SHA-256 digest" },
		{ "{\"config\":{\"digest\":\"sha256:../../../etc/passwd\",\"size\":1}}",
		  "is no SHA-256" },
		{ "{\"config\":{\"digest\":\"sha512:00\",\"size\":1}}", "is no SHA-256 digest" },
		{ "{\"config\":{\"digest\":\"sha256:" ZERO64 "\"}}", "no 'size'" },
		{ "{\"config\":{\"digest\":\"sha256:" ZERO64 "\",\"size\":-1}}", "no 'size'" },
		{ "{\"config\":" DESCRIPTOR "}", "no 'layers'" },
		{ "{\"config\":" DESCRIPTOR ",\"layers\":{}}", "'layers' is not an array" },
		{ "{\"config\":" DESCRIPTOR ",\"layers\":[7]}",
		  "entry 0: a descriptor is not an object" },
		{ "{\"config\":" DESCRIPTOR ",\"layers\":[]}", "' is not there" },
		{ "{\"config\":{\"mediaType\":\"application/vnd.x\",\"digest\":\"sha256:" ZERO64
		  "\",\"size\":2},\"layers\":[]}",
		  "no container image: its configuration is 'application/vnd.x'" },
		{ "{\"config\":" DESCRIPTOR ",\"layers\":[{\"mediaType\":\"" LAYER_TYPE
		  "+encrypted\",\"digest\":\"sha256:" ZERO64 "\",\"size\":2}]}",
		  "layer sha256:" ZERO64 " is encrypted" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };

		layout_make(&layout);
		layout.manifest = mp_xstrdup(cases[i].manifest);
		layout_finish(&layout);
		expect_error(&layout, MP_E_FORMAT, cases[i].message);
	}
}

Test(image_archive, configurations)
{
	static const struct {
		const char *config, *message;
	} cases[] = {
		{ "[]", "no \"config\" (OCI image configuration)" },
		{ "{\"config\":[]}", "'config' is not an object" },
		{ "{\"config\":{\"Env\":7}}", "'Env' is not an array" },
		{ "{\"config\":{\"Cmd\":[7]}}", "'Cmd' is not an array of strings" },
		{ "{\"config\":{},\"architecture\":[]}", "'architecture' is not a string" },
		{ "{\"rootfs\":7}", "'rootfs' is not an object" },
		{ "{\"rootfs\":{\"diff_ids\":7}}", "'diff_ids' is not an array" },
		{ "{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "'x' is no SHA-256 digest" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:" ZERO64 "\"]}}",
		  "the manifest has 0 layers and the configuration 1" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };

		layout_make(&layout);
		layout.config = mp_xstrdup(cases[i].config);
		layout_finish(&layout);
		expect_error(&layout, MP_E_FORMAT, cases[i].message);
	}
}

/* An image without layers is an empty file system. */
Test(image_archive, no_layers)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *reference = NULL;
	MP_AUTO(mp_freep) char *text = NULL;

	layout_make(&layout);
	layout_finish(&layout);
	reference = mp_xasprintf("oci:%s", layout.dir);
	text = text_of(reference);
	cr_assert_str_eq(text, "");
}

Test(image_archive, foreign_layers)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };

	layout_make(&layout);
	describe_blob(&layout.layers, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		      "sha256:" ZERO64, 7);
	mp_buf_adds(&layout.diff_ids, "\"sha256:" ZERO64 "\"");
	layout_finish(&layout);
	expect_error(&layout, MP_E_FORMAT,
		     "layer 'blobs/sha256/" ZERO64 "': it is not there: a foreign");
}

/* Indexes that lead to each other in a row; a digest keeps them from doing so in a circle. */
Test(image_archive, depth)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	struct mp_error err = { 0 };

	layout_make(&layout);
	layout_finish(&layout);
	path = mp_path_join(layout.dir, "index.json");
	for (int i = 0; i < 8; i++) {
		MP_AUTO(mp_buf_free) struct mp_buf index = { 0 };
		MP_AUTO(mp_freep) char *digest = NULL;
		MP_AUTO(mp_freep) char *reference = mp_xasprintf("oci:%s", layout.dir);

		mp_freep(&text);
		text = text_of(reference);
		cr_assert_neq(text[0], '!', "%d: %s", i, text);
		cr_assert_eq(mp_file_read(path, 4096, &index, &err), 0);
		digest = put_blob(&layout, index.data);
		run("rm '%s'", path);
		mp_freep(&text);
		text = mp_xasprintf("{\"manifests\":[{\"digest\":\"%s\",\"size\":%zu}]}", digest,
				    index.len);
		write_text(path, text, 0644);
	}
	expect_error(&layout, MP_E_FORMAT, "more than 8 indexes in each other");
}

Test(image_archive, archives_that_are_none)
{
	static const struct {
		const char *reference, *message;
	} cases[] = {
		{ "oci:/nonexistent", "open '/nonexistent': No such file" },
		{ "oci-archive:/nonexistent:x", "open '/nonexistent': No such file" },
		{ "docker-archive:/etc", "it is a directory, and no archive; oci: reads" },
		{ "oci:/etc/passwd", "Not a directory" },
		{ "docker-archive:/etc/passwd", "no tar header" },
		{ "docker-archive:/dev/null", "it ends too early" },
		{ "docker-archive:", "'docker-archive:' names no file" },
		{ "oci::x", "'oci::x' names no directory" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep) char *text = text_of(cases[i].reference);

		cr_assert_not_null(strstr(text, cases[i].message), "%s", text);
	}
	cr_assert(mp_image_archive_is("oci:x") && mp_image_archive_is("docker-archive:x"));
	cr_assert(!mp_image_archive_is("oci") && !mp_image_archive_is("ocix:1"));
}

/* Names in archives that lead out, loops, and what is no file. */
Test(image_archive, hostile_docker_archives)
{
	static const struct {
		const char *command; /* makes the archive "archive" of the files in a directory */
		const char *message;
	} cases[] = {
		{ "tar -cf ../archive manifest.json", "'blobs/sha256/" },
		{ "sed -i 's#blobs/sha256/#../../../#g' manifest.json; tar -cf ../archive .",
		  "leads out of the archive" },
		{ "sed -i 's#\"Config\":\"[^\"]*\"#\"Config\":\"/etc/passwd\"#' manifest.json; "
		  "tar -cf ../archive .",
		  "'/etc/passwd' is not there" },
		{ "sed -i 's#\"Config\":\"[^\"]*\"#\"Config\":\"c\"#' manifest.json; ln -s "
		  "/etc/passwd c; "
		  "tar -cf ../archive .",
		  "'c' is not there" },
		{ "sed -i 's#\"Config\":\"[^\"]*\"#\"Config\":\"c\"#' manifest.json; ln -s c c; "
		  "tar -cf ../archive .",
		  "'c' is a loop of links" },
		{ "sed -i 's#\"Config\":\"[^\"]*\"#\"Config\":\"blobs\"#' manifest.json; "
		  "tar -cf ../archive .",
		  "'blobs' is not a regular file" },
		{ "rm manifest.json; tar -cf ../archive .", "no 'manifest.json' is in it" },
		{ "tar -c . | head -c 9000 >../archive", "it ends too early" },
		{ "tar -c . | gzip | head -c 5000 >../archive", "decompress it" },
		{ "echo '[]' >manifest.json; tar -cf ../archive .", "no image is in it" },
		{ "echo '{}' >manifest.json; tar -cf ../archive .", "no image is in it" },
		{ "echo '[{\"Config\":1}]' >manifest.json; tar -cf ../archive .",
		  "image 0: 'Config'" },
		{ "sed -i 's/.*/[&,&]/; s/\\[\\[/[/; s/\\],\\[/,/; s/\\]\\]/]/' manifest.json; "
		  "tar -cf ../archive .",
		  "several images: one has to be named, behind a colon; there are: one:latest, one:latest" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(layout_clear) struct layout layout = { 0 };
		MP_AUTO(mp_freep) char *reference = NULL;
		MP_AUTO(mp_freep) char *text = NULL;

		layout_make(&layout);
		add_layer(&layout, "head -c 9000 /dev/urandom >x", "cat");
		layout_finish(&layout);
		run("cd '%s' && { %s; }", layout.dir, cases[i].command);
		reference = mp_xasprintf("docker-archive:%s/archive", layout.scratch.dir);
		text = text_of(reference);
		cr_assert_eq(text[0], '!', "%zu: %s", i, text);
		cr_assert_not_null(strstr(text, cases[i].message), "%zu: %s", i, text);
	}
}

/* Choosing */

#define ENTRY(digit, rest)                                                                         \
	"{\"digest\":\"sha256:" digit "000000000000000000000000000000000000000000000000000000000"  \
	"000000\",\"size\":1" rest "}"
#define FOR(architecture, variant)                                                                 \
	",\"platform\":{\"os\":\"linux\",\"architecture\":\"" architecture "\"" variant "}"
#define V(variant) ",\"variant\":\"" variant "\""
#define NAME(name) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}"

Test(image_archive, choosing)
{
	static const struct {
		const char *manifests, *reference;
		const char *architecture, *variant;
		const char *answer; /* the digest's first digit, or the message */
	} cases[] = {
		{ ENTRY("1", ""), NULL, "amd64", NULL, "1" },
		{ ENTRY("1", FOR("s390x", "")), NULL, "amd64", NULL, "1" },
		{ ENTRY("1", NAME("a")), "a", "amd64", NULL, "1" },
		{ ENTRY("1", NAME("a")), "b", "amd64", NULL, "no such image; there are: a" },
		{ ENTRY("1", NAME("a")) "," ENTRY("2", NAME("b")), "b", "amd64", NULL, "2" },
		{ ENTRY("1", NAME("a")) "," ENTRY("2", NAME("b")), "@1", "amd64", NULL, "2" },
		{ ENTRY("1", NAME("a")) "," ENTRY("2", NAME("b")), "@2", "amd64", NULL,
		  "no such image; there are: a, b" },
		{ ENTRY("1", NAME("a")) "," ENTRY("2", NAME("b")), NULL, "amd64", NULL,
		  "several images: one has to be named, behind a colon; there are: a, b" },
		{ ENTRY("1", NAME("a")) "," ENTRY("2", ""), NULL, "amd64", NULL,
		  "several images: one has to be named, behind a colon; there are: a, @1" },
		{ ENTRY("1", "") "," ENTRY("2", ""), NULL, "amd64", NULL,
		  "no image is for this machine; there are: @0, @1" },
		{ ENTRY("1", FOR("arm64", "")) "," ENTRY("2", FOR("amd64", "")), NULL, "amd64",
		  NULL, "2" },
		{ ENTRY("1", FOR("arm64", "")) "," ENTRY("2", FOR("amd64", "")), NULL, "arm64",
		  "v8", "1" },
		{ ENTRY("1", FOR("arm64", "")) "," ENTRY("2", FOR("amd64", "")), NULL, "riscv64",
		  NULL,
		  "no image is for this machine; there are: @0 (linux/arm64), @1 (linux/amd64)" },
		{ ENTRY("1", FOR("amd64", "")) "," ENTRY("2", FOR("amd64", "")), NULL, "amd64",
		  NULL, "more than one image is for this machine" },
		{ ENTRY("1", FOR("arm", V("v6"))) "," ENTRY("2", FOR("arm", V("v7"))), NULL, "arm",
		  "v7", "2" },
		{ ENTRY("1", FOR("arm", V("v6"))) "," ENTRY("2", FOR("arm", V("v7"))), NULL, "arm",
		  "v6", "1" },
		{ ENTRY("1", FOR("amd64", V("v3"))) "," ENTRY("2", FOR("amd64", "")), NULL, "amd64",
		  NULL, "2" },
		{ ENTRY("1", FOR("amd64", "") NAME("a")) "," ENTRY("2", FOR("arm64", "") NAME("a")),
		  "a", "arm64", "v8", "2" },
		/* Attestations are no images. */
		{ ENTRY("1", FOR("amd64", "")) "," ENTRY(
			  "2", ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}"),
		  NULL, "s390x", NULL, "1" },
		{ ENTRY("1", "") "," ENTRY(
			  "2", ",\"annotations\":{\"vnd.docker.reference.type\":\"x\"}"),
		  NULL, "s390x", NULL, "1" },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_freep)
		char *text = mp_xasprintf("{\"manifests\":[%s]}", cases[i].manifests);
		MP_AUTO(mp_oci_index_clear) struct mp_oci_index index = { 0 };
		MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
		const struct mp_oci_platform platform = { "linux", cases[i].architecture,
							  cases[i].variant };
		const struct mp_oci_descriptor *chosen = NULL;
		struct mp_error err = { 0 };

		json = mp_json_parse(text, strlen(text), "index", &err);
		cr_assert_not_null(json, "%zu: %s", i, err.msg);
		cr_assert_eq(mp_oci_index_read(json, &index, &err), 0, "%zu: %s", i, err.msg);
		if (mp_oci_choose(&index, cases[i].reference, &platform, &chosen, &err) == 0) {
			cr_expect_eq(chosen->digest[7], cases[i].answer[0], "%zu: %s", i,
				     chosen->digest);
			cr_expect_eq(cases[i].answer[1], '\0', "%zu: %s", i, chosen->digest);
			continue;
		}
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_not_null(strstr(err.msg, cases[i].answer), "%zu: %s", i, err.msg);
	}
}

Test(image_archive, tags)
{
	static const char manifest[] =
		"[{\"Config\":\"1\",\"RepoTags\":[\"nginx:1\",\"nginx:latest\"],\"Layers\":[]},"
		"{\"Config\":\"2\",\"RepoTags\":[\"docker.io/library/"
		"redis:latest\"],\"Layers\":null},"
		"{\"Config\":\"3\",\"RepoTags\":null,\"Layers\":[\"l\"]},"
		"{\"Config\":\"4\",\"RepoTags\":[\"localhost:5000/x:1\",\"library/y:1\"]}]";
	static const struct {
		const char *reference, *answer;
	} cases[] = {
		{ "nginx", "1" },
		{ "nginx:1", "1" },
		{ "docker.io/library/nginx", "1" },
		{ "docker.io/nginx:latest", "1" },
		{ "redis", "2" },
		{ "library/redis:latest", "2" },
		{ "@2", "3" },
		{ "localhost:5000/x:1", "4" },
		{ "y:1", "4" },
		{ "localhost:5000/x",
		  "no such image; there are: nginx:1, docker.io/library/redis:latest, "
		  "@2, localhost:5000/x:1" },
		{ "@4", "no such image" },
		{ NULL, "several images: one has to be named, behind a colon; there are: nginx:1, " },
	};
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;

	json = mp_json_parse(manifest, strlen(manifest), "manifest.json", NULL);
	cr_assert_not_null(json);
	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(mp_docker_image_clear) struct mp_docker_image image = { 0 };
		struct mp_error err = { 0 };

		if (mp_docker_choose(json, cases[i].reference, &image, &err) == 0)
			cr_expect_str_eq(image.config, cases[i].answer, "%zu", i);
		else
			cr_expect_not_null(strstr(err.msg, cases[i].answer), "%zu: %s", i, err.msg);
	}
}

/* What is closed is closed: descriptors, threads. */
Test(image_archive, nothing_is_left_open)
{
	MP_AUTO(layout_clear) struct layout layout = { 0 };
	MP_AUTO(mp_freep) char *before = NULL;
	MP_AUTO(mp_freep) char *after = NULL;
	MP_AUTO(mp_freep)
	char *command =
		mp_xasprintf("ls /proc/%d/fd /proc/%d/task | wc -l", (int)getpid(), (int)getpid());
	MP_AUTO(mp_freep) char *reference = NULL;

	layout_make(&layout);
	add_layer(&layout, "echo 1 >x", "gzip -nc");
	add_layer(&layout, "head -c 9000 /dev/urandom >x", "gzip -nc | head -c 5000");
	layout_finish(&layout);
	reference = mp_xasprintf("oci:%s", layout.dir);
	for (int i = 0; i < 4; i++) {
		MP_AUTO(mp_freep) char *text = text_of(reference);

		cr_assert_eq(text[0], '!', "%s", text);
		if (i == 0) /* libraries keep what they need once */
			before = output_of(command);
	}
	after = output_of(command);
	cr_assert_str_eq(before, after);
}
