/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/destinations.h"

#include "cli/images.h"
#include "core/file.h"
#include "core/log.h"

#include <string.h>

static const struct transport {
	const char *prefix;
	enum mp_compression compression; /* of the layer in it */
} transports[MP_TRANSPORTS] = {
	[MP_TRANSPORT_OCI] = { "oci:", MP_COMPRESSION_GZIP },
	[MP_TRANSPORT_OCI_ARCHIVE] = { "oci-archive:", MP_COMPRESSION_GZIP },
	[MP_TRANSPORT_DOCKER_ARCHIVE] = { "docker-archive:", MP_COMPRESSION_NONE },
	[MP_TRANSPORT_DOCKER_DAEMON] = { "docker-daemon:", MP_COMPRESSION_NONE },
};

static int bad_destination(const char *text, const char *what, struct mp_error *err)
{
	return mp_error_set(err, MP_E_USAGE, 0, "--to '%s' %s", text, what);
}

/* The file, up to the first colon, and the name behind it. */
static int split_path(struct mp_destination *destination, const char *rest, struct mp_error *err)
{
	const char *colon = strchr(rest, ':');
	size_t len = colon ? (size_t)(colon - rest) : strlen(rest);

	if (len == 0)
		return bad_destination(destination->text, "names no file", err);
	if (colon && !colon[1])
		return bad_destination(destination->text, "has no name after the last ':'", err);
	destination->path = mp_xstrndup(rest, len);
	destination->name = colon ? mp_xstrdup(colon + 1) : NULL;
	return 0;
}

/* A name of Docker's gets the tag that it needs. */
static int check_name(struct mp_destination *destination, struct mp_error *err)
{
	bool is_oci = destination->transport == MP_TRANSPORT_OCI ||
		      destination->transport == MP_TRANSPORT_OCI_ARCHIVE;
	MP_AUTO(mp_freep) char *name = MP_STEAL(destination->name);

	if (!name)
		return 0;
	if (is_oci && !mp_image_is_ref(name))
		return bad_destination(destination->text,
				       "does not end in a name that an OCI index can hold", err);
	if (!is_oci && mp_image_packed_tag(name, name, &destination->name, err))
		return bad_destination(destination->text,
				       "does not end in a name for an image (NAME:TAG, in lower "
				       "case)",
				       err);
	if (is_oci)
		destination->name = MP_STEAL(name);
	return 0;
}

/* What would only be seen when all the work is done. */
static int check_place(const struct mp_destination *destination, struct mp_error *err)
{
	if (!destination->path)
		return 0;
	return destination->transport == MP_TRANSPORT_OCI
		       ? mp_image_check_layout(destination->path, err)
		       : mp_place_check_writable(destination->path, err);
}

static int parse_one(struct mp_destination *destination, struct mp_error *err)
{
	for (int i = 0; i < MP_TRANSPORTS; i++) {
		size_t len = strlen(transports[i].prefix);

		if (strncmp(destination->text, transports[i].prefix, len) != 0)
			continue;
		destination->transport = (enum mp_transport)i;
		if (i == MP_TRANSPORT_DOCKER_DAEMON)
			destination->name = mp_xstrdup(destination->text + len);
		else if (split_path(destination, destination->text + len, err))
			return -1;
		return check_name(destination, err) || check_place(destination, err) ? -1 : 0;
	}
	return bad_destination(destination->text,
			       "is none of oci:DIR[:REF], oci-archive:FILE[:REF], "
			       "docker-archive:FILE[:NAME:TAG] and docker-daemon:NAME:TAG",
			       err);
}

/* A layout has room for several images of different names; a file has not. */
static int check_repeated(const struct mp_destinations *destinations, size_t index,
			  struct mp_error *err)
{
	const struct mp_destination *own = &destinations->v[index];

	for (size_t i = 0; i < index; i++) {
		const struct mp_destination *other = &destinations->v[i];

		if (strcmp(own->text, other->text) == 0 ||
		    (own->path && other->path && strcmp(own->path, other->path) == 0 &&
		     (own->transport != MP_TRANSPORT_OCI || other->transport != MP_TRANSPORT_OCI)))
			return mp_error_set(err, MP_E_USAGE, 0,
					    "--to '%s' and --to '%s' are the same place",
					    other->text, own->text);
	}
	return 0;
}

int mp_destinations_parse(const struct mp_strv *texts, struct mp_destinations *destinations_out,
			  struct mp_error *err)
{
	MP_AUTO(mp_destinations_free) struct mp_destinations list = { 0 };

	for (size_t i = 0; i < texts->n; i++) {
		list.v = mp_array_grow(list.v, list.n, &list.cap, sizeof(*list.v));
		list.v[list.n++] = (struct mp_destination){ .text = mp_xstrdup(texts->v[i]) };
		if (parse_one(&list.v[i], err) || check_repeated(&list, i, err))
			return -1;
	}
	*destinations_out = list;
	list = (struct mp_destinations){ 0 };
	return 0;
}

int mp_destinations_claim(const struct mp_destinations *destinations, struct mp_places *places,
			  struct mp_error *err)
{
	for (size_t i = 0; i < destinations->n; i++) {
		const struct mp_destination *own = &destinations->v[i];
		bool is_layout = own->transport == MP_TRANSPORT_OCI;
		struct mp_place place = { is_layout ? MP_PLACE_ADDED_TO : MP_PLACE_WRITTEN, "--to",
					  own->text, own->path };

		if (mp_places_add(places, place, err))
			return -1;
	}
	return 0;
}

void mp_destinations_free(struct mp_destinations *destinations)
{
	for (size_t i = 0; i < destinations->n; i++) {
		mp_freep(&destinations->v[i].text);
		mp_freep(&destinations->v[i].path);
		mp_freep(&destinations->v[i].name);
	}
	mp_freep(&destinations->v);
	*destinations = (struct mp_destinations){ 0 };
}

unsigned int mp_destinations_forms(const struct mp_destinations *destinations)
{
	unsigned int forms = 0;

	for (size_t i = 0; i < destinations->n; i++)
		forms |= 1u << transports[destinations->v[i].transport].compression;
	return forms;
}

static int write_file(struct mp_destination *destination, const struct mp_layer *layer,
		      const struct mp_json *image_json, struct mp_error *err)
{
	MP_AUTO(mp_outfile_closep) struct mp_outfile file = { 0 };
	const char *path = destination->path;
	int rc;

	if (mp_outfile_open(&file, path, err))
		return -1;
	if (destination->transport == MP_TRANSPORT_OCI_ARCHIVE)
		rc = mp_image_write_oci_archive(layer, image_json, destination->name, file.fd, path,
						&destination->digests, err);
	else
		rc = mp_image_write_docker(layer, image_json, destination->name, file.fd, path,
					   &destination->digests, err);
	return rc ? -1 : mp_outfile_commit(&file, err);
}

static int write_one(struct mp_destination *destination, const struct mp_layer *layer,
		     const struct mp_json *image_json, struct mp_error *err)
{
	MP_AUTO(mp_engine_freep) struct mp_engine *engine = NULL;

	mp_info("writing %s", destination->text);
	switch (destination->transport) {
	case MP_TRANSPORT_OCI:
		return mp_image_write_oci_layout(layer, image_json, destination->name,
						 destination->path, &destination->digests, err);
	case MP_TRANSPORT_DOCKER_DAEMON:
		if (mp_engine_connect(&engine, err))
			return -1;
		return mp_image_load_packed(engine, image_json, layer, destination->name,
					    &destination->digests, err);
	default:
		return write_file(destination, layer, image_json, err);
	}
}

int mp_destinations_write(struct mp_destinations *destinations, const struct mp_image *image,
			  const struct mp_layer *layers, struct mp_error *err)
{
	MP_AUTO(mp_json_freep) struct mp_json *image_json = NULL;

	if (destinations->n == 0)
		return 0;
	for (size_t i = 0; i < destinations->n; i++) {
		struct mp_destination *destination = &destinations->v[i];
		const struct mp_layer *layer =
			&layers[transports[destination->transport].compression];

		if (!image_json && mp_image_packed_json(image, layer, &image_json, err))
			return -1;
		if (write_one(destination, layer, image_json, err))
			return mp_error_prefix(err, "--to '%s'", destination->text);
	}
	return 0;
}

struct mp_json *mp_destinations_json(const struct mp_destinations *destinations)
{
	struct mp_json *list = mp_json_array();

	for (size_t i = 0; i < destinations->n; i++) {
		const struct mp_destination *destination = &destinations->v[i];
		struct mp_json *json = mp_json_object();

		mp_json_set_string(json, "to", destination->text);
		mp_json_set_string(json, "image_id", destination->digests.config);
		if (destination->digests.manifest[0])
			mp_json_set_string(json, "manifest", destination->digests.manifest);
		mp_json_push_take(list, json);
	}
	return list;
}
