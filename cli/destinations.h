/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MP_CLI_DESTINATIONS_H
#define MP_CLI_DESTINATIONS_H

#include "cli/places.h"
#include "core/image.h"
#include "packer/image_writer.h"

/* Where a packed image goes besides files: what --to says, as containers-transports(5) writes it.
 */
enum mp_transport {
	MP_TRANSPORT_OCI,            /* oci:DIR[:REF] */
	MP_TRANSPORT_OCI_ARCHIVE,    /* oci-archive:FILE[:REF] */
	MP_TRANSPORT_DOCKER_ARCHIVE, /* docker-archive:FILE[:NAME:TAG] */
	MP_TRANSPORT_DOCKER_DAEMON,  /* docker-daemon:NAME:TAG */
	MP_TRANSPORTS,
};

struct mp_destination {
	enum mp_transport transport;
	char *text;                      /* as it was given */
	char *path;                      /* NULL for an engine */
	char *name;                      /* REF or NAME:TAG; NULL without */
	struct mp_image_digests digests; /* set when the image is there */
};

struct mp_destinations {
	struct mp_destination *v;
	size_t n, cap;
};

/*
 * Reads the values of --to. MP_E_USAGE where one is no destination, is given twice, or cannot be
 * written to, as far as that can be told before there is anything to write.
 */
MP_MUST_USE int mp_destinations_parse(const struct mp_strv *texts,
				      struct mp_destinations *destinations_out,
				      struct mp_error *err);
/* Notes where they are. MP_E_USAGE where one would be written over another, or over what is there
 * already. @destinations outlives @places. */
MP_MUST_USE int mp_destinations_claim(const struct mp_destinations *destinations,
				      struct mp_places *places, struct mp_error *err);
void mp_destinations_free(struct mp_destinations *destinations);

/* The forms of the archive that they need: bits 1u << MP_COMPRESSION_…. */
unsigned int mp_destinations_forms(const struct mp_destinations *destinations);

/*
 * Writes the image of @layers (one for each compression that mp_destinations_forms names) with the
 * configuration of @image to each of them, whole or not at all, in their order.
 */
MP_MUST_USE int mp_destinations_write(struct mp_destinations *destinations,
				      const struct mp_image *image, const struct mp_layer *layers,
				      struct mp_error *err);

/* [{"to":…,"image_id":…,"manifest":…}]; owned by the caller. */
struct mp_json *mp_destinations_json(const struct mp_destinations *destinations);

#endif
