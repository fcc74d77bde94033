/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/image_writer.h"

#include "core/file.h"
#include "core/interrupt.h"
#include "tests/packer/specimen.h"

#include <signal.h>

/* Compression */

Test(compress, names)
{
	static const struct {
		const char *name;
		enum mp_compression how;
	} cases[] = {
		{ "rootfs.tar", MP_COMPRESSION_NONE },
		{ "a/rootfs.tar.gz", MP_COMPRESSION_GZIP },
		{ "x.tgz", MP_COMPRESSION_GZIP },
		{ "x.tar.zst", MP_COMPRESSION_ZSTD },
		{ ".tzst", MP_COMPRESSION_ZSTD },
		{ "x.gz", MP_COMPRESSION_NONE },
		{ "x.tar.gz/rootfs", MP_COMPRESSION_NONE },
		{ "", MP_COMPRESSION_NONE },
		{ "x.TGZ", MP_COMPRESSION_NONE },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++)
		cr_expect_eq(mp_compression_of_name(cases[i].name), cases[i].how, "%s",
			     cases[i].name);
}

Test(compress, names_of_other_compressions)
{
	static const char *const good[] = { "rootfs.tar", "x", "", "x.tar.gz", "x.tzst", "a.gz/x" };
	static const char *const bad[] = { "x.tar.xz", "x.gz", "x.zst", ".txz", "a/x.tar.bz2" };

	for (size_t i = 0; i < MP_ARRAY_LEN(good); i++) {
		struct mp_error err = { 0 };

		cr_expect_eq(mp_compression_check_name(good[i], &err), 0, "%s", err.msg);
	}
	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++) {
		struct mp_error err = { 0 };

		cr_expect_eq(mp_compression_check_name(bad[i], &err), -1, "'%s'", bad[i]);
		cr_expect_eq(err.code, MP_E_USAGE);
		cr_expect_not_null(strstr(err.msg, "what is compressed ends in .tar.gz, .tgz, "),
				   "%s", err.msg);
	}
}

/* Bytes that compress to about half, the same in every run. */
static char *noise(size_t len)
{
	char *data = mp_xmalloc(len);
	uint32_t state = 1;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		data[i] = (char)("0123456789abcdef"[state >> 28]);
	}
	return data;
}

/* Compresses @data in pieces of @piece bytes into a new file at @path. */
static void compress_to(const char *path, enum mp_compression how, const char *data, size_t len,
			size_t piece, char hex_out[MP_SHA256_HEX_SIZE])
{
	MP_AUTO(mp_closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	MP_AUTO(mp_compressor_freep) struct mp_compressor *compressor = NULL;
	char hex[MP_SHA256_HEX_SIZE];
	struct mp_error err = { 0 };
	uint64_t size = 0;
	struct stat st;

	cr_assert_eq(mp_compressor_new(how, fd, path, &compressor, &err), 0, "%s", err.msg);
	for (size_t at = 0; at < len; at += piece)
		cr_assert_eq(mp_compressor_add(compressor, data + at,
					       len - at < piece ? len - at : piece, &err),
			     0, "%s", err.msg);
	mp_sha256_hex(data, len, hex_out);
	cr_assert_eq(mp_compressor_finish(compressor, hex_out, &size, &err), 0, "%s", err.msg);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(size, (uint64_t)st.st_size);
	cr_assert_eq(mp_sha256_file(path, hex, &err), 0);
	cr_expect_str_eq(hex, hex_out);
}

/* Other programs read it, and it does not matter in which pieces it came. */
Test(compress, same_bytes_however_cut)
{
	static const size_t lens[] = { 0, 1, 100000, 1 << 18, (1 << 18) + 1, 3000000 };
	static const size_t pieces[] = { 1 << 18, 7777, 1 << 20 };
	static const char *const readers[MP_COMPRESSIONS] = { "cat", "gzip -dc", "zstd -qdc" };
	MP_AUTO(mp_freep) char *data = noise(3000000);
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *plain = NULL, *path = NULL;
	struct mp_error err = { 0 };

	scratch_make(&scratch);
	plain = in(&scratch, "plain");
	path = in(&scratch, "compressed");
	for (size_t i = 0; i < MP_ARRAY_LEN(lens); i++) {
		cr_assert_eq(mp_file_replace(plain, data, lens[i], &err), 0, "%s", err.msg);
		for (int how = 0; how < MP_COMPRESSIONS; how++) {
			char first[MP_SHA256_HEX_SIZE], other[MP_SHA256_HEX_SIZE];

			compress_to(path, (enum mp_compression)how, data, lens[i], pieces[0],
				    first);
			run("%s <'%s' | cmp - '%s'", readers[how], path, plain);
			for (size_t j = 1; j < MP_ARRAY_LEN(pieces); j++) {
				compress_to(path, (enum mp_compression)how, data, lens[i],
					    pieces[j], other);
				cr_expect_str_eq(first, other, "%zu in pieces of %zu", lens[i],
						 pieces[j]);
			}
		}
	}
}

/* RFC 1952: no flags (so no name), no time. */
Test(compress, gzip_header_says_nothing)
{
	static const unsigned char expected[8] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0 };
	MP_AUTO(scratch_clear) struct scratch scratch;
	MP_AUTO(mp_freep) char *path = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf got = { 0 };
	char hex[MP_SHA256_HEX_SIZE];
	struct mp_error err = { 0 };

	scratch_make(&scratch);
	path = in(&scratch, "x");
	compress_to(path, MP_COMPRESSION_GZIP, "text", 4, 4, hex);
	cr_assert_eq(mp_file_read(path, 1000, &got, &err), 0);
	cr_expect_arr_eq(got.data, expected, sizeof(expected));
}

Test(compress, full_disk)
{
	MP_AUTO(mp_freep) char *data = noise(3000000);
	MP_AUTO(mp_closep) int fd = open("/dev/full", O_WRONLY);

	for (int how = 0; how < MP_COMPRESSIONS; how++) {
		MP_AUTO(mp_compressor_freep) struct mp_compressor *compressor = NULL;
		char hex[MP_SHA256_HEX_SIZE];
		struct mp_error err = { 0 };
		uint64_t size;

		cr_assert_eq(
			mp_compressor_new((enum mp_compression)how, fd, "x", &compressor, &err), 0);
		cr_expect_eq(mp_compressor_add(compressor, data, 3000000, &err), -1);
		cr_expect_str_eq(err.msg, "write 'x': No space left on device");
		mp_compressor_freep(&compressor);
		/* So little that it is noticed at the end alone. */
		cr_assert_eq(
			mp_compressor_new((enum mp_compression)how, fd, "x", &compressor, &err), 0);
		cr_expect_eq(mp_compressor_add(compressor, "1", 1, &err), 0);
		cr_expect_eq(mp_compressor_finish(compressor, hex, &size, &err), -1);
		cr_expect_str_eq(err.msg, "write 'x': No space left on device");
	}
}

/* Images */

/* A layer of 3 MB in a scratch directory, with the configuration of its image. */
struct made {
	struct scratch scratch;
	char *layer_path, *path;
	struct mp_layer layer;
	struct mp_json *json;
};

static void made_clear(struct made *made)
{
	mp_closep(&made->layer.fd);
	mp_json_freep(&made->json);
	mp_freep(&made->layer_path);
	mp_freep(&made->path);
	scratch_clear(&made->scratch);
}

/* @entrypoint: something to tell the image by. */
static void configure(struct made *made, const char *entrypoint)
{
	MP_AUTO(mp_freep)
	char *text = mp_xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\","
				  "\"config\":{\"Entrypoint\":[\"%s\"]},"
				  "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
				  entrypoint, made->layer.diff_sha256);
	struct mp_error err;

	mp_json_freep(&made->json);
	made->json = mp_json_parse(text, strlen(text), "config", &err);
	cr_assert_not_null(made->json, "%s", err.msg);
}

static void make(struct made *made, enum mp_compression how, const char *name)
{
	MP_AUTO(mp_freep) char *data = noise(3000000);
	struct stat st;

	*made = (struct made){ 0 };
	scratch_make(&made->scratch);
	made->path = in(&made->scratch, name);
	made->layer_path = in(&made->scratch, "layer");
	compress_to(made->layer_path, how, data, 3000000, 100000, made->layer.sha256);
	mp_sha256_hex(data, 3000000, made->layer.diff_sha256);
	cr_assert_eq(stat(made->layer_path, &st), 0);
	made->layer.compression = how;
	made->layer.fd = open(made->layer_path, O_RDONLY);
	made->layer.size_bytes = (uint64_t)st.st_size;
	configure(made, "/x");
}

static char *text_of(const char *path)
{
	struct mp_buf text = { 0 };
	struct mp_error err = { 0 };

	cr_assert_eq(mp_file_read(path, 1 << 20, &text, &err), 0, "%s", err.msg);
	return mp_buf_steal(&text);
}

static int write_docker(struct made *made, const char *tag, struct mp_image_digests *digests,
			struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open(made->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return mp_image_write_docker(&made->layer, made->json, tag, fd, made->path, digests, err);
}

static int write_oci(struct made *made, const char *ref, struct mp_image_digests *digests,
		     struct mp_error *err)
{
	MP_AUTO(mp_closep) int fd = open(made->path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return mp_image_write_oci_archive(&made->layer, made->json, ref, fd, made->path, digests,
					  err);
}

static void expect_docker_manifest(struct made *made, const char *tag, const char *tags)
{
	MP_AUTO(mp_freep) char *command = mp_xasprintf("tar -xOf '%s' manifest.json", made->path);
	MP_AUTO(mp_freep) char *config = mp_json_dump(made->json);
	MP_AUTO(mp_freep) char *manifest = NULL, *expected = NULL;
	struct mp_image_digests digests;
	char hex[MP_SHA256_HEX_SIZE];
	struct mp_error err = { 0 };

	cr_assert_eq(write_docker(made, tag, &digests, &err), 0, "%s", err.msg);
	manifest = output_of(command);
	mp_sha256_hex(config, strlen(config), hex);
	expected = mp_xasprintf("[{\"Config\":\"%s.json\",\"RepoTags\":[%s],"
				"\"Layers\":[\"%s/layer.tar\"]}]",
				hex, tags, made->layer.sha256);
	cr_expect_str_eq(manifest, expected);
	cr_expect_str_eq(digests.config + strlen("sha256:"), hex);
	cr_expect_str_empty(digests.manifest);
	run("tar -xOf '%s' %s/layer.tar | cmp - '%s'", made->path, made->layer.sha256,
	    made->layer_path);
	run("tar -xOf '%s' %s.json | sha256sum | grep -q ^%s", made->path, hex, hex);
}

Test(image_writer, docker_archive)
{
	MP_AUTO(made_clear) struct made made;
	char first[MP_SHA256_HEX_SIZE], other[MP_SHA256_HEX_SIZE];
	struct mp_error err = { 0 };

	make(&made, MP_COMPRESSION_NONE, "image.tar");
	expect_docker_manifest(&made, NULL, "");
	expect_docker_manifest(&made, "a/b:c", "\"a/b:c\"");
	cr_assert_eq(mp_sha256_file(made.path, first, &err), 0);
	cr_assert_eq(setenv("TZ", "Asia/Tokyo", 1), 0);
	umask(0077);
	expect_docker_manifest(&made, "a/b:c", "\"a/b:c\"");
	cr_assert_eq(mp_sha256_file(made.path, other, &err), 0);
	cr_expect_str_eq(first, other);
}

/* What every form refuses: a layer that is not as long as it should be. */
Test(image_writer, layer_that_is_cut_short)
{
	MP_AUTO(made_clear) struct made made;
	MP_AUTO(mp_freep) char *dir = NULL;
	struct mp_image_digests digests;
	struct mp_error err = { 0 };

	make(&made, MP_COMPRESSION_GZIP, "image.tar");
	dir = in(&made.scratch, "layout");
	made.layer.size_bytes++;
	cr_expect_eq(write_docker(&made, NULL, &digests, &err), -1);
	cr_expect_not_null(strstr(err.msg, "shrank while it was read"), "%s", err.msg);
	cr_expect_eq(write_oci(&made, NULL, &digests, &err), -1);
	cr_expect_not_null(strstr(err.msg, "shrank while it was read"), "%s", err.msg);
	cr_expect_eq(mp_image_write_oci_layout(&made.layer, made.json, NULL, dir, &digests, &err),
		     -1);
	cr_expect_not_null(strstr(err.msg, "it is cut short"), "%s", err.msg);
	run("test \"$(ls '%s' | sort | tr '\\n' ' ')\" = 'image.tar layer '", made.scratch.dir);
}

/* A signal ends each of them, and no layout is left. */
Test(image_writer, interrupted)
{
	MP_AUTO(made_clear) struct made made;
	MP_AUTO(mp_freep) char *dir = NULL;
	struct mp_image_digests digests;
	struct mp_error err = { 0 };

	make(&made, MP_COMPRESSION_GZIP, "image.tar");
	dir = in(&made.scratch, "layout");
	mp_interrupt_install();
	cr_assert_eq(raise(SIGTERM), 0);
	cr_expect_eq(write_docker(&made, NULL, &digests, &err), -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED);
	cr_expect_eq(write_oci(&made, NULL, &digests, &err), -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED);
	cr_expect_eq(mp_image_write_oci_layout(&made.layer, made.json, NULL, dir, &digests, &err),
		     -1);
	cr_expect_eq(err.code, MP_E_INTERRUPTED);
	run("test \"$(ls '%s' | sort | tr '\\n' ' ')\" = 'image.tar layer '", made.scratch.dir);
}

Test(image_writer, oci_archive)
{
	static const char *const types[MP_COMPRESSIONS] = { "tar", "tar+gzip", "tar+zstd" };

	for (int how = 0; how < MP_COMPRESSIONS; how++) {
		MP_AUTO(made_clear) struct made made;
		struct mp_image_digests digests;
		struct mp_error err = { 0 };
		char first[MP_SHA256_HEX_SIZE], other[MP_SHA256_HEX_SIZE];

		make(&made, (enum mp_compression)how, "image.tar");
		cr_assert_eq(write_oci(&made, "v1", &digests, &err), 0, "%s", err.msg);
		cr_assert_eq(mp_sha256_file(made.path, first, &err), 0);
		cr_assert_eq(write_oci(&made, "v1", &digests, &err), 0, "%s", err.msg);
		cr_assert_eq(mp_sha256_file(made.path, other, &err), 0);
		cr_expect_str_eq(first, other);
		run("cd '%s' && mkdir out && tar -xf image.tar -C out && cd out/blobs/sha256 && "
		    "for blob in *; do echo \"$blob  $blob\" | sha256sum -c --quiet; done && "
		    "cmp %s ../../../layer",
		    made.scratch.dir, made.layer.sha256);
		/* Each descriptor's size and digest are those of what it names. */
		run("cd '%s/out' && test \"$(jq -r '.manifests[0] | [.digest, "
		    ".annotations[\"org.opencontainers.image.ref.name\"]] | @tsv' index.json)\" = "
		    "\"$(printf '%s\\tv1')\" && cd blobs/sha256 && "
		    "jq -rn 'inputs | (.manifests[0], .config, .layers[0]) | values | "
		    "[.size, .digest] | @tsv' ../../index.json %s >../../sizes && "
		    "test $(wc -l <../../sizes) = 3 && "
		    "while read -r size name; do test $size = $(stat -c %%s ${name#sha256:}) || "
		    "exit 1; done <../../sizes",
		    made.scratch.dir, digests.manifest, digests.manifest + strlen("sha256:"));
		run("grep -qF 'layer.v1.%s\"' '%s/out/blobs/sha256/%s'", types[how],
		    made.scratch.dir, digests.manifest + strlen("sha256:"));
	}
}

/* Layouts */

/* "name=digest name=digest", in the order of the index; "-" for no name. Owned by the caller. */
static char *index_of(const char *dir)
{
	MP_AUTO(mp_freep)
	char *command = mp_xasprintf(
		"jq -r '[.manifests[] | (.annotations[\"org.opencontainers.image.ref.name\"] // "
		"\"-\") + \"=\" + .digest] | join(\" \")' '%s/index.json'",
		dir);

	return output_of(command);
}

static void add(struct made *made, const char *ref, struct mp_image_digests *digests)
{
	struct mp_error err = { 0 };

	cr_assert_eq(
		mp_image_write_oci_layout(&made->layer, made->json, ref, made->path, digests, &err),
		0, "%s", err.msg);
}

static void expect_index(const struct made *made, const char *expected)
{
	MP_AUTO(mp_freep) char *got = index_of(made->path);

	cr_expect_str_eq(got, expected);
}

/* The same image twice is there once; a name goes to the last; nothing else is lost. */
Test(image_writer, layout_is_added_to)
{
	MP_AUTO(made_clear) struct made made;
	struct mp_image_digests x, y, again;
	MP_AUTO(mp_freep) char *one = NULL, *two = NULL, *three = NULL, *four = NULL;

	make(&made, MP_COMPRESSION_GZIP, "layout");
	add(&made, "v1", &x);
	one = mp_xasprintf("v1=%s", x.manifest);
	expect_index(&made, one);
	add(&made, "v1", &again);
	expect_index(&made, one);
	cr_expect_str_eq(x.manifest, again.manifest);
	add(&made, "v2", &x);
	two = mp_xasprintf("v1=%s v2=%s", x.manifest, x.manifest);
	expect_index(&made, two);
	configure(&made, "/y");
	add(&made, "v1", &y);
	three = mp_xasprintf("-=%s v2=%s v1=%s", x.manifest, x.manifest, y.manifest);
	expect_index(&made, three);
	add(&made, NULL, &y);
	four = mp_xasprintf("%s -=%s", three, y.manifest);
	expect_index(&made, four);
	run("test \"$(cat '%s/oci-layout')\" = '{\"imageLayoutVersion\":\"1.0.0\"}' && "
	    "test \"$(ls '%s/blobs/sha256' | wc -l)\" = 5",
	    made.path, made.path);
}

/* What others have put into an index stays as it was. */
Test(image_writer, layout_of_others)
{
	static const char index[] =
		"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"text/x\",\"digest\":"
		"\"sha512:00\",\"size\":9223372036854775807,\"x\":{\"y\":[null,1]}}],"
		"\"annotations\":"
		"{\"a\":\"b\"}}";
	MP_AUTO(made_clear) struct made made;
	MP_AUTO(mp_freep) char *before = NULL, *path = NULL, *after = NULL;
	struct mp_image_digests digests;
	struct mp_error err = { 0 };

	make(&made, MP_COMPRESSION_GZIP, "layout");
	run("mkdir '%s' && echo '{}' >'%s/oci-layout'", made.path, made.path);
	path = mp_path_join(made.path, "index.json");
	cr_assert_eq(mp_file_replace(path, index, strlen(index), &err), 0);
	add(&made, NULL, &digests);
	after = text_of(path);
	before = mp_xstrndup(index, (size_t)(strstr(index, "],\"annotations\"") - index));
	cr_expect_eq(strncmp(after, before, strlen(before)), 0, "%s", after);
	cr_expect_not_null(strstr(after, "\"annotations\":{\"a\":\"b\"}"), "%s", after);
}

Test(image_writer, layout_in_an_empty_directory)
{
	MP_AUTO(made_clear) struct made made;
	MP_AUTO(mp_freep) char *link = NULL;
	struct mp_image_digests digests;

	make(&made, MP_COMPRESSION_NONE, "layout");
	cr_assert_eq(mkdir(made.path, 0750), 0);
	add(&made, "v", &digests);
	run("test \"$(stat -c %%a '%s')\" = 750", made.path);
	/* Through a link, and with slashes. */
	link = in(&made.scratch, "link");
	cr_assert_eq(symlink("layout", link), 0);
	mp_freep(&made.path);
	made.path = mp_xasprintf("%s//", link);
	add(&made, "v", &digests);
	run("test -L '%s' && test \"$(ls '%s' | wc -l)\" = 3", link, link);
}

/* Places that are refused, each as the shell makes it in ./layout; nothing there changes. */
Test(image_writer, layout_in_the_wrong_place)
{
	static const struct {
		char make[160], message[80];
		enum mp_code code;
	} cases[] = {
		{ "touch layout", "is there and is neither an OCI layout nor empty", MP_E_USAGE },
		{ "mkdir layout; touch layout/x", "is there and is neither an OCI layout nor empty",
		  MP_E_USAGE },
		{ "ln -s nowhere layout", "is there and is neither an OCI layout nor empty",
		  MP_E_USAGE },
		{ "mkdir layout; touch layout/oci-layout; ln -s /tmp layout/blobs",
		  "/blobs': File exists", MP_E_SYS },
		{ "mkdir -p layout/blobs; touch layout/oci-layout; ln -s /tmp layout/blobs/sha256",
		  "/blobs/sha256': File exists", MP_E_SYS },
		{ "mkdir layout; touch layout/oci-layout; ln -s /etc/passwd layout/index.json",
		  "index.json' is no regular file", MP_E_FORMAT },
		{ "mkdir layout; touch layout/oci-layout; mkfifo layout/index.json",
		  "index.json' is no regular file", MP_E_FORMAT },
		{ "mkdir layout; touch layout/oci-layout layout/index.json", "index.json",
		  MP_E_FORMAT },
		{ "mkdir layout; touch layout/oci-layout; echo [] >layout/index.json",
		  "is not a JSON object", MP_E_FORMAT },
		{ "mkdir layout; touch layout/oci-layout; echo '{\"manifests\":{}}' "
		  ">layout/index.json",
		  "'manifests' is not an array", MP_E_FORMAT },
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(cases); i++) {
		MP_AUTO(made_clear) struct made made;
		struct mp_image_digests digests;
		MP_AUTO(mp_freep) char *look = NULL, *before = NULL, *after = NULL;
		struct mp_error err = { 0 };

		make(&made, MP_COMPRESSION_GZIP, "layout");
		look = mp_xasprintf("cd '%s' && { find . -printf '%%p %%y %%l\n' | sort; "
				    "find . -type f -exec cat {} +; } | sha256sum",
				    made.scratch.dir);
		run("cd '%s' && %s", made.scratch.dir, cases[i].make);
		before = output_of(look);
		cr_expect_eq(mp_image_write_oci_layout(&made.layer, made.json, "v", made.path,
						       &digests, &err),
			     -1, "%s", cases[i].make);
		cr_expect_eq(err.code, cases[i].code, "%s", cases[i].make);
		cr_expect_not_null(strstr(err.msg, cases[i].message), "%s", err.msg);
		after = output_of(look);
		cr_expect_str_eq(before, after, "%s", cases[i].make);
	}
}

Test(image_writer, refs)
{
	static const char *const good[] = { "v1", "latest", "a/b:c", "1.0-rc.1", "a--b", "x@y+z" };
	static const char *const bad[] = {
		"", "-", "a-", "a..b", "a/", "/a", "a---b", "a b", "\xe9"
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(good); i++)
		cr_expect(mp_image_is_ref(good[i]), "%s", good[i]);
	for (size_t i = 0; i < MP_ARRAY_LEN(bad); i++)
		cr_expect_not(mp_image_is_ref(bad[i]), "%s", bad[i]);
}
