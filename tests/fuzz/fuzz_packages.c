/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"
#include "packer/packages_internal.h"
#include "packer/rootfs_internal.h"
#include "packer/spdx.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

/*
 * The input is the databases of an image: parts, each behind a line with a letter that says which
 * file it is. h is the header of an rpm package, which is read by itself.
 */
static struct object {
	char letter; /* 0: always there, and empty */
	const char *path, *target;
	bool dir;
	int fd;
	size_t size;
	bool there;
} objects[] = {
	{ 0, "/", NULL, true, -1, 0, true },
	{ 0, "/bin", "usr/bin", false, -1, 0, true },
	{ 0, "/etc", NULL, true, -1, 0, true },
	{ 0, "/etc/c", NULL, false, -1, 0, true },
	{ 'o', "/etc/os-release", NULL, false, -1, 0, false },
	{ 0, "/lib", NULL, true, -1, 0, true },
	{ 0, "/lib/apk", NULL, true, -1, 0, true },
	{ 0, "/lib/apk/db", NULL, true, -1, 0, true },
	{ 'a', "/lib/apk/db/installed", NULL, false, -1, 0, false },
	{ 0, "/usr", NULL, true, -1, 0, true },
	{ 0, "/usr/bin", NULL, true, -1, 0, true },
	{ 0, "/usr/bin/a", NULL, false, -1, 0, true },
	{ 0, "/usr/bin/b", NULL, false, -1, 0, true },
	{ 0, "/usr/bin/sh", "a", false, -1, 0, true },
	{ 0, "/var", NULL, true, -1, 0, true },
	{ 0, "/var/lib", NULL, true, -1, 0, true },
	{ 0, "/var/lib/dpkg", NULL, true, -1, 0, true },
	{ 'v', "/var/lib/dpkg/diversions", NULL, false, -1, 0, false },
	{ 0, "/var/lib/dpkg/info", NULL, true, -1, 0, true },
	{ 'l', "/var/lib/dpkg/info/p.list", NULL, false, -1, 0, false },
	{ 'm', "/var/lib/dpkg/info/p.md5sums", NULL, false, -1, 0, false },
	{ 'q', "/var/lib/dpkg/info/q:amd64.list", NULL, false, -1, 0, false },
	{ 's', "/var/lib/dpkg/status", NULL, false, -1, 0, false },
	{ 0, "/var/lib/dpkg/status.d", NULL, true, -1, 0, true },
	{ 'd', "/var/lib/dpkg/status.d/r", NULL, false, -1, 0, false },
	{ 'e', "/var/lib/dpkg/status.d/r.md5sums", NULL, false, -1, 0, false },
	{ 0, "/var/lib/rpm", NULL, true, -1, 0, true },
	{ 'r', "/var/lib/rpm/rpmdb.sqlite", NULL, false, -1, 0, false },
};

static struct object *find(const char *path)
{
	for (size_t i = 0; i < MP_ARRAY_LEN(objects); i++) {
		if (objects[i].there && strcmp(objects[i].path, path) == 0)
			return &objects[i];
	}
	return NULL;
}

static int on_lookup(struct mp_rootfs *root, const char *path, struct mp_node *node_out,
		     struct mp_error *err)
{
	const struct object *object = find(path);

	(void)root;
	(void)err;
	if (!object)
		return 0;
	*node_out = (struct mp_node){
		.mode = object->dir      ? S_IFDIR | 0755
			: object->target ? S_IFLNK | 0777
					 : S_IFREG | 0644,
		.nlink = 1,
		.size_bytes = object->size,
		.target = mp_xstrdup(object->target),
	};
	return 1;
}

static int on_open(struct mp_rootfs *root, const char *path, struct mp_contents *contents_out,
		   struct mp_error *err)
{
	struct object *object = find(path);

	(void)root;
	if (!object || object->dir || object->target)
		return mp_rootfs_err_not_file(err, path);
	if (object->fd < 0)
		object->fd = memfd_create("object", MFD_CLOEXEC);
	*contents_out = (struct mp_contents){ object->fd, 0, object->size, true };
	return 0;
}

static int on_list(struct mp_rootfs *root, const char *path, struct mp_strv *names_out,
		   struct mp_error *err)
{
	size_t len = strlen(path);

	(void)root;
	(void)err;
	for (size_t i = 0; i < MP_ARRAY_LEN(objects); i++) {
		const char *other = objects[i].path;

		if (objects[i].there && strncmp(other, path, len) == 0 && other[len] == '/' &&
		    !strchr(other + len + 1, '/'))
			mp_strv_push(names_out, other + len + 1);
	}
	return 0;
}

static struct mp_rootfs rootfs = {
	.ops =
		&(const struct mp_rootfs_ops){
			.lookup = on_lookup,
			.open = on_open,
			.list = on_list,
		},
};

static int see_file(void *context, const char *path, struct mp_error *err)
{
	(void)err;
	*(size_t *)context += strlen(path);
	return 0;
}

static void read_header(const uint8_t *data, size_t size)
{
	/* A block of its own, so that a read beyond it is seen. */
	MP_AUTO(mp_freep) void *blob = mp_xmalloc(size ? size : 1);
	struct mp_rpm_header header;
	struct mp_error err;
	size_t seen = 0;

	memcpy(blob, data, size);
	if (mp_rpm_header_parse(blob, size, &header))
		return;
	REQUIRE(header.name && header.version && header.release);
	REQUIRE(mp_rpm_header_files(&header, see_file, &seen, &err) == 0);
	REQUIRE(seen <= (size_t)64 << 20);
}

/* A part of the input becomes the file that @letter stands for. */
static void take_part(char letter, const uint8_t *data, size_t size)
{
	if (letter == 'h')
		read_header(data, size);
	for (size_t i = 0; i < MP_ARRAY_LEN(objects); i++) {
		struct object *object = &objects[i];

		if (!letter || object->letter != letter)
			continue;
		if (object->fd < 0)
			object->fd = memfd_create("object", MFD_CLOEXEC);
		REQUIRE(ftruncate(object->fd, 0) == 0);
		REQUIRE(pwrite(object->fd, data, size, 0) == (ssize_t)size);
		object->size = size;
		object->there = true;
	}
}

/* "\n=X\n" begins the part X, also at the input's first byte with "=X\n". */
static void take_parts(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at + 3 <= size && data[at] == '=' && data[at + 2] == '\n') {
		char letter = (char)data[at + 1];
		const uint8_t *start = data + at + 3;
		const uint8_t *end = memmem(start, size - at - 3, "\n=", 2);

		/* The newline is the part's last byte. */
		end = end ? end + 1 : data + size;
		take_part(letter, start, (size_t)(end - start));
		at = (size_t)(end - data);
	}
}

static struct mp_fileset *kept_set(void)
{
	static const char *const kept[] = { "/",          "/etc",       "/etc/c",
					    "/usr/bin/a", "/usr/bin/b", "/usr/bin/sh" };
	struct mp_fileset *set = mp_fileset_new();
	struct mp_error err;

	for (size_t i = 0; i < MP_ARRAY_LEN(kept); i++) {
		MP_AUTO(mp_node_clear) struct mp_node node = { 0 };

		REQUIRE(mp_rootfs_lookup(&rootfs, kept[i], &node, &err) == 1);
		mp_fileset_add(set, kept[i], &node, MP_WHY(MP_REASON_TRACED));
	}
	return set;
}

static void check_set(const struct mp_fileset *set)
{
	static const char dir[] = "/var/lib/dpkg/status.d/";

	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		const struct mp_file *file = mp_fileset_at(set, i);

		if (!file->made)
			continue;
		REQUIRE(strcmp(file->path, "/lib/apk/db/installed") == 0 ||
			(strncmp(file->path, dir, strlen(dir)) == 0 &&
			 !strchr(file->path + strlen(dir), '/') && file->path[strlen(dir)] != '.'));
		REQUIRE(file->made->len > 0);
	}
}

/* As from an archive of files of which only those that were made here have contents. */
static struct mp_digests *digests_of(const struct mp_fileset *set)
{
	MP_AUTO(mp_freep) const struct mp_file **files = mp_fileset_sorted(set);
	struct mp_digests *digests = mp_digests_new(set);
	const struct mp_archive_listener *listener = mp_digests_listener(digests);

	for (size_t i = 0; i < mp_fileset_count(set); i++) {
		if (!S_ISREG(files[i]->node.mode))
			continue;
		REQUIRE(listener->begin(listener->context, files[i], 0));
		if (files[i]->made)
			listener->data(listener->context, files[i]->made->data,
				       files[i]->made->len);
		listener->end(listener->context);
	}
	mp_digests_wait(digests);
	return digests;
}

/* Whatever was read can be said in JSON. */
static void check_document(const struct mp_packages *packages, const struct mp_fileset *set)
{
	static int fd = -1;
	const struct mp_spdx_subject subject = { "x", NULL, "x.tar", "0", NULL };
	MP_AUTO(mp_digests_freep) struct mp_digests *digests = NULL;
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *json = NULL;
	struct mp_error err = { 0 };

	if (fd < 0)
		fd = memfd_create("spdx", MFD_CLOEXEC);
	REQUIRE(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	digests = digests_of(set);
	REQUIRE(mp_spdx_write(&subject, packages, digests, fd, "spdx", &err) == 0);
	REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
	REQUIRE(mp_fd_read_all(fd, "spdx", (size_t)1 << 30, &text, &err) == 0);
	json = mp_json_parse(text.data, text.len, "spdx", &err);
	if (!json) {
		fprintf(stderr, "%s, in:\n%s", err.msg, text.data);
		abort();
	}
	REQUIRE(mp_json_len(mp_json_get(json, "packages")) == mp_packages_count(packages) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MP_AUTO(mp_fileset_freep) struct mp_fileset *set = NULL;
	MP_AUTO(mp_resolver_freep) struct mp_resolver *resolver = NULL;
	MP_AUTO(mp_packages_freep) struct mp_packages *packages = NULL;
	MP_AUTO(mp_strv_free) struct mp_strv files = { 0 };
	struct mp_error err = { 0 };

	for (size_t i = 0; i < MP_ARRAY_LEN(objects); i++)
		objects[i].there = !objects[i].letter;
	take_parts(data, size);
	set = kept_set();
	resolver = mp_resolver_new(&rootfs, set);
	REQUIRE(mp_packages_find(resolver, set, &packages, &err) == 0);
	for (size_t i = 0; i < mp_packages_count(packages); i++) {
		const struct mp_package *package = mp_packages_at(packages, i);

		REQUIRE(package->n_files > 0 && package->n_files <= 3);
		REQUIRE(mp_package_name_is_sane(package->name));
		REQUIRE(mp_packages_files(resolver, package->name, &files, &err) >= 0);
	}
	for (size_t i = 0; i < files.n; i++)
		REQUIRE(find(files.v[i]));
	REQUIRE(mp_packages_add_records(packages, resolver, set, &err) == 0);
	check_set(set);
	check_document(packages, set);
	return 0;
}
