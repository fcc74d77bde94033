/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/image_writer.h"

#include "core/file.h"
#include "core/interrupt.h"
#include "core/path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEDIA "application/vnd.oci.image."
#define REF_NAME "org.opencontainers.image.ref.name"
#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define INDEX_MAX_BYTES ((size_t)4 << 20)
#define CHUNK ((size_t)1 << 18)

static void digest_text(char digest_out[MP_DIGEST_SIZE], const char *hex)
{
	snprintf(digest_out, MP_DIGEST_SIZE, "sha256:%s", hex);
}

static struct mp_archive_member text_member(const char *name, const char *text)
{
	return (struct mp_archive_member){ name, text, -1, strlen(text) };
}

static struct mp_archive_member layer_member(const char *name, const struct mp_layer *layer)
{
	return (struct mp_archive_member){ name, NULL, layer->fd, layer->size_bytes };
}

/* Docker's archive */

/* [{"Config":…,"RepoTags":[…],"Layers":[…]}], as moby's image/spec/v1.2.md has it. */
static char *docker_manifest(const char *config_name, const char *tag, const char *layer_name)
{
	MP_AUTO(mp_json_freep) struct mp_json *manifest = mp_json_array();
	struct mp_json *image = mp_json_object(), *tags = mp_json_array();
	struct mp_json *layers = mp_json_array();

	if (tag)
		mp_json_push_take(tags, mp_json_string(tag));
	mp_json_push_take(layers, mp_json_string(layer_name));
	mp_json_set_string(image, "Config", config_name);
	mp_json_set_take(image, "RepoTags", tags);
	mp_json_set_take(image, "Layers", layers);
	mp_json_push_take(manifest, image);
	return mp_json_dump(manifest);
}

int mp_image_write_docker(const struct mp_layer *layer, const struct mp_json *image_json,
			  const char *tag, int fd, const char *name,
			  struct mp_image_digests *digests_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *config = mp_json_dump(image_json);
	MP_AUTO(mp_freep) char *config_name = NULL, *manifest = NULL;
	MP_AUTO(mp_freep) char *layer_name = mp_xasprintf("%s/layer.tar", layer->sha256);
	struct mp_archive_member members[3];
	char hex[MP_SHA256_HEX_SIZE];

	mp_sha256_hex(config, strlen(config), hex);
	config_name = mp_xasprintf("%s.json", hex);
	manifest = docker_manifest(config_name, tag, layer_name);
	members[0] = text_member(config_name, config);
	members[1] = layer_member(layer_name, layer);
	members[2] = text_member("manifest.json", manifest);
	if (mp_archive_write_members(members, MP_ARRAY_LEN(members), fd, name, err))
		return -1;
	digest_text(digests_out->config, hex);
	digests_out->manifest[0] = '\0';
	return 0;
}

/* OCI's documents */

static struct mp_json *descriptor(const char *media_type, const char *digest, uint64_t size)
{
	struct mp_json *json = mp_json_object();

	mp_json_set_string(json, "mediaType", media_type);
	mp_json_set_string(json, "digest", digest);
	mp_json_set_integer(json, "size", (int64_t)size);
	return json;
}

static struct mp_json *layer_descriptor(const struct mp_layer *layer)
{
	static const char *const types[MP_COMPRESSIONS] = {
		[MP_COMPRESSION_NONE] = MEDIA "layer.v1.tar",
		[MP_COMPRESSION_GZIP] = MEDIA "layer.v1.tar+gzip",
		[MP_COMPRESSION_ZSTD] = MEDIA "layer.v1.tar+zstd",
	};
	char digest[MP_DIGEST_SIZE];

	digest_text(digest, layer->sha256);
	return descriptor(types[layer->compression], digest, layer->size_bytes);
}

static char *oci_manifest(const struct mp_layer *layer, const char *config_digest,
			  size_t config_len)
{
	MP_AUTO(mp_json_freep) struct mp_json *manifest = mp_json_object();
	struct mp_json *layers = mp_json_array();

	mp_json_push_take(layers, layer_descriptor(layer));
	mp_json_set_integer(manifest, "schemaVersion", 2);
	mp_json_set_string(manifest, "mediaType", MEDIA "manifest.v1+json");
	mp_json_set_take(manifest, "config",
			 descriptor(MEDIA "config.v1+json", config_digest, config_len));
	mp_json_set_take(manifest, "layers", layers);
	return mp_json_dump(manifest);
}

/* An image as OCI has it. All texts owned, but for the digests in them. */
struct oci_image {
	const struct mp_layer *layer;
	const char *ref;
	char *config, *manifest;
	char config_hex[MP_SHA256_HEX_SIZE], manifest_hex[MP_SHA256_HEX_SIZE];
	struct mp_image_digests digests;
};

static void oci_image_clear(struct oci_image *image)
{
	mp_freep(&image->config);
	mp_freep(&image->manifest);
}

static void oci_image_make(struct oci_image *image, const struct mp_layer *layer,
			   const struct mp_json *image_json, const char *ref)
{
	image->layer = layer;
	image->ref = ref;
	image->config = mp_json_dump(image_json);
	mp_sha256_hex(image->config, strlen(image->config), image->config_hex);
	digest_text(image->digests.config, image->config_hex);
	image->manifest = oci_manifest(layer, image->digests.config, strlen(image->config));
	mp_sha256_hex(image->manifest, strlen(image->manifest), image->manifest_hex);
	digest_text(image->digests.manifest, image->manifest_hex);
}

static struct mp_json *new_index(void)
{
	struct mp_json *index = mp_json_object();

	mp_json_set_integer(index, "schemaVersion", 2);
	mp_json_set_string(index, "mediaType", MEDIA "index.v1+json");
	mp_json_set_take(index, "manifests", mp_json_array());
	return index;
}

static const char *ref_of(const struct mp_json *manifest)
{
	return mp_json_text(mp_json_get(mp_json_get(manifest, "annotations"), REF_NAME));
}

/* Whether @entry of an index is this image: by its digest, and by the same name or none. */
static bool is_same(const struct oci_image *image, const struct mp_json *entry)
{
	const char *digest = mp_json_text(mp_json_get(entry, "digest"));
	const char *ref = ref_of(entry);

	return digest && strcmp(digest, image->digests.manifest) == 0 &&
	       (!ref || (image->ref && strcmp(ref, image->ref) == 0));
}

/* The manifests of an index with that of @image at the end. */
static struct mp_json *with_image(const struct mp_json *manifests, const struct oci_image *image)
{
	struct mp_json *list = mp_json_array();
	struct mp_json *own = descriptor(MEDIA "manifest.v1+json", image->digests.manifest,
					 strlen(image->manifest));

	for (size_t i = 0; i < mp_json_len(manifests); i++) {
		struct mp_json *entry = mp_json_at(manifests, i);
		const char *ref = ref_of(entry);

		if (is_same(image, entry))
			continue;
		entry = mp_json_copy(entry);
		if (ref && image->ref && strcmp(ref, image->ref) == 0)
			mp_json_remove(mp_json_get(entry, "annotations"), REF_NAME);
		mp_json_push_take(list, entry);
	}
	if (image->ref) {
		struct mp_json *annotations = mp_json_object();

		mp_json_set_string(annotations, REF_NAME, image->ref);
		mp_json_set_take(own, "annotations", annotations);
	}
	mp_json_push_take(list, own);
	return list;
}

static char *index_text(struct mp_json *index, const struct oci_image *image)
{
	mp_json_set_take(index, "manifests", with_image(mp_json_get(index, "manifests"), image));
	return mp_json_dump(index);
}

int mp_image_write_oci_archive(const struct mp_layer *layer, const struct mp_json *image_json,
			       const char *ref, int fd, const char *name,
			       struct mp_image_digests *digests_out, struct mp_error *err)
{
	MP_AUTO(oci_image_clear) struct oci_image image = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *index = new_index();
	MP_AUTO(mp_freep) char *text = NULL, *config_name = NULL, *manifest_name = NULL;
	MP_AUTO(mp_freep) char *layer_name = mp_xasprintf("blobs/sha256/%s", layer->sha256);
	struct mp_archive_member members[5];

	oci_image_make(&image, layer, image_json, ref);
	text = index_text(index, &image);
	config_name = mp_xasprintf("blobs/sha256/%s", image.config_hex);
	manifest_name = mp_xasprintf("blobs/sha256/%s", image.manifest_hex);
	members[0] = text_member("oci-layout", LAYOUT);
	members[1] = text_member(config_name, image.config);
	members[2] = layer_member(layer_name, layer);
	members[3] = text_member(manifest_name, image.manifest);
	members[4] = text_member("index.json", text);
	if (mp_archive_write_members(members, MP_ARRAY_LEN(members), fd, name, err))
		return -1;
	*digests_out = image.digests;
	return 0;
}

bool mp_image_is_ref(const char *ref)
{
	const char *p = ref;

	for (;;) {
		if (!isalnum((unsigned char)*p))
			return false;
		while (isalnum((unsigned char)*p))
			p++;
		if (!*p)
			return true;
		if (p[0] == '-' && p[1] == '-')
			p++;
		else if (!strchr("-._:@+/", *p))
			return false;
		p++;
	}
}

/* A layout */

enum place { PLACE_FREE, PLACE_EMPTY, PLACE_LAYOUT, PLACE_BAD };

/* A layout that is written to. */
struct layout {
	const char *dir;     /* as it was asked for */
	char *root;          /* where it is written */
	struct mp_strv made; /* what was not there before, in the order of making */
	bool done;
};

/* Whatever was made goes, unless all of it was. */
static void layout_close(struct layout *layout)
{
	int saved_errno = errno;

	for (size_t i = layout->made.n; i > 0 && !layout->done; i--)
		remove(layout->made.v[i - 1]);
	mp_strv_free(&layout->made);
	mp_freep(&layout->root);
	errno = saved_errno;
}

static bool is_empty(const char *dir)
{
	DIR *stream = opendir(dir);
	int names = 0;

	if (!stream)
		return false;
	while (readdir(stream))
		names++;
	closedir(stream);
	return names <= 2;
}

static enum place look_at(const char *dir)
{
	MP_AUTO(mp_freep) char *mark = mp_path_join(dir, "oci-layout");
	struct stat st;

	if (lstat(dir, &st) < 0)
		return errno == ENOENT ? PLACE_FREE : PLACE_BAD;
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return PLACE_BAD;
	if (lstat(mark, &st) == 0)
		return PLACE_LAYOUT;
	return is_empty(dir) ? PLACE_EMPTY : PLACE_BAD;
}

/* "out/" is "out", which its temporary one stands beside of. */
static char *without_slashes(const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return mp_xstrndup(dir, len);
}

int mp_image_check_layout(const char *dir, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *clean = without_slashes(dir);
	MP_AUTO(mp_freep) char *parent = mp_path_directory(clean);
	enum place place = look_at(clean);

	if (place == PLACE_BAD)
		return mp_error_set(err, MP_E_USAGE, 0,
				    "'%s' is there and is neither an OCI layout nor empty", dir);
	if (access(place == PLACE_FREE ? parent : clean, W_OK | X_OK) < 0)
		return mp_error_set(err, MP_E_USAGE, errno, "create '%s'", dir);
	return 0;
}

static int make_failed(const struct layout *layout, const char *path, struct mp_error *err)
{
	return mp_error_set(err, MP_E_SYS, errno, "OCI layout '%s': create '%s'", layout->dir,
			    path);
}

static int make_dir(struct layout *layout, const char *name, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(layout->root, name);
	struct stat st;

	if (mkdir(path, 0777) == 0) {
		mp_strv_push_take(&layout->made, MP_STEAL(path));
		return 0;
	}
	/* A link could lead out of it. */
	if (errno == EEXIST && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return make_failed(layout, path, err);
}

static int put_contents(struct mp_outfile *file, const struct mp_archive_member *member,
			struct mp_error *err)
{
	MP_AUTO(mp_freep) char *chunk = NULL;
	uint64_t at = 0;

	if (member->text)
		return mp_fd_write_all(file->fd, member->text, member->size_bytes, file->path, err);
	chunk = mp_xmalloc(CHUNK);
	while (at < member->size_bytes) {
		const struct mp_contents contents = { member->fd, 0, member->size_bytes, true };
		ssize_t got = mp_contents_read(&contents, chunk, CHUNK, at);

		if (got <= 0)
			return mp_error_set(err, MP_E_SYS, got ? errno : 0,
					    "read the layer for '%s'%s", file->path,
					    got ? "" : ": it is cut short");
		if (mp_fd_write_all(file->fd, chunk, (size_t)got, file->path, err) ||
		    mp_interrupt_check(err))
			return -1;
		at += (uint64_t)got;
	}
	return 0;
}

static int put_file(struct layout *layout, const struct mp_archive_member *member,
		    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(layout->root, member->name);
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };
	struct stat st;
	bool is_there = lstat(path, &st) == 0;

	/* Nothing is written through a link, or into a device. */
	if (is_there && !S_ISREG(st.st_mode))
		return mp_error_set(err, MP_E_FORMAT, 0, "OCI layout '%s': '%s' is no regular file",
				    layout->dir, path);
	if (mp_outfile_open(&file, path, err) || put_contents(&file, member, err) ||
	    mp_outfile_commit(&file, err))
		return mp_error_prefix(err, "OCI layout '%s'", layout->dir);
	if (!is_there)
		mp_strv_push_take(&layout->made, MP_STEAL(path));
	return 0;
}

static int put_blob(struct layout *layout, const char *hex, struct mp_archive_member member,
		    struct mp_error *err)
{
	MP_AUTO(mp_freep) char *name = mp_xasprintf("blobs/sha256/%s", hex);

	member.name = name;
	return put_file(layout, &member, err);
}

/* The index that is there, as far as it is one; a new one where there is none. */
static int read_index(const struct layout *layout, struct mp_json **index_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *path = mp_path_join(layout->root, "index.json");
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	MP_AUTO(mp_json_freep) struct mp_json *index = NULL;
	const struct mp_json *manifests = NULL;
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			return mp_error_set(err, MP_E_SYS, errno, "read '%s'", path);
		*index_out = new_index();
		return 0;
	}
	/* Others would be waited for, or lead elsewhere. */
	if (!S_ISREG(st.st_mode))
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is no regular file", path);
	if (mp_file_read(path, INDEX_MAX_BYTES, &text, err))
		return -1;
	index = mp_json_parse(text.data ? text.data : "", text.len, path, err);
	if (!index)
		return -1;
	if (!mp_json_is_object(index))
		return mp_error_set(err, MP_E_FORMAT, 0, "'%s' is not a JSON object", path);
	if (mp_json_get_array(index, "manifests", &manifests, err))
		return mp_error_prefix(err, "'%s'", path);
	*index_out = MP_STEAL(index);
	return 0;
}

static int put_index(struct layout *layout, const struct oci_image *image, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *index = NULL;
	MP_AUTO(mp_freep) char *text = NULL;
	struct mp_archive_member member;

	if (read_index(layout, &index, err))
		return mp_error_prefix(err, "OCI layout '%s'", layout->dir);
	text = index_text(index, image);
	member = text_member("index.json", text);
	return put_file(layout, &member, err);
}

static int fill_layout(struct layout *layout, const struct oci_image *image, enum place place,
		       struct mp_error *err)
{
	const struct mp_archive_member mark = text_member("oci-layout", LAYOUT);

	if ((place != PLACE_LAYOUT && put_file(layout, &mark, err)) ||
	    make_dir(layout, "blobs", err) || make_dir(layout, "blobs/sha256", err) ||
	    put_blob(layout, image->config_hex, text_member(NULL, image->config), err) ||
	    put_blob(layout, image->layer->sha256, layer_member(NULL, image->layer), err) ||
	    put_blob(layout, image->manifest_hex, text_member(NULL, image->manifest), err))
		return -1;
	return put_index(layout, image, err);
}

/* A directory beside the one that is not there yet. */
static int make_root(struct layout *layout, struct mp_error *err)
{
	mode_t mask;

	layout->root = mp_xasprintf("%s.tmp.XXXXXX", layout->dir);
	if (!mkdtemp(layout->root))
		return mp_error_set(err, MP_E_SYS, errno, "create '%s'", layout->dir);
	mp_strv_push(&layout->made, layout->root);
	mask = umask(0);
	umask(mask);
	chmod(layout->root, 0777 & ~mask);
	return 0;
}

int mp_image_write_oci_layout(const struct mp_layer *layer, const struct mp_json *image_json,
			      const char *ref, const char *dir,
			      struct mp_image_digests *digests_out, struct mp_error *err)
{
	MP_AUTO(mp_freep) char *clean = without_slashes(dir);
	MP_AUTO(oci_image_clear) struct oci_image image = { 0 };
	MP_AUTO(layout_close) struct layout layout = { .dir = clean };
	enum place place;

	if (mp_image_check_layout(clean, err))
		return -1;
	place = look_at(clean);
	oci_image_make(&image, layer, image_json, ref);
	if (place != PLACE_FREE)
		layout.root = mp_xstrdup(clean);
	else if (make_root(&layout, err))
		return -1;
	if (fill_layout(&layout, &image, place, err))
		return -1;
	if (place == PLACE_FREE && rename(layout.root, clean) < 0)
		return mp_error_set(err, MP_E_SYS, errno, "rename to '%s'", clean);
	layout.done = true;
	*digests_out = image.digests;
	return 0;
}
