/* SPDX-License-Identifier: BSD-2-Clause */
#include "packer/spdx.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)1 << 18)
#define ROOT_ID "SPDXRef-Package-0"
#define NOTHING_SAID "NOASSERTION"

/* A document that is being written; packages are numbered from 1, 0 is the archive itself. */
struct document {
	const struct mp_spdx_subject *subject;
	const struct mp_packages *packages;
	const struct mp_digests *digests;
	size_t n_packages; /* without the archive */
	struct slot *slots;
	struct mp_buf out;
	int fd;
	const char *name;
	bool first; /* of an array: no comma before it */
};

/* Which package has file i. */
struct slot {
	size_t package, file;
	const char *sha1; /* borrowed */
};

static void document_clear(struct document *document)
{
	mp_freep(&document->slots);
	mp_buf_free(&document->out);
}

static int flush(struct document *document, struct mp_error *err)
{
	int rc = mp_fd_write_all(document->fd, document->out.data, document->out.len,
				 document->name, err);

	mp_buf_clear(&document->out);
	return rc;
}

/* Before each element of an array. */
static int next_element(struct document *document, struct mp_error *err)
{
	mp_buf_adds(&document->out, document->first ? "\n" : ",\n");
	document->first = false;
	return document->out.len > FLUSH_BYTES ? flush(document, err) : 0;
}

static void begin_array(struct document *document, const char *key)
{
	mp_buf_addf(&document->out, ",\n\"%s\": [", key);
	document->first = true;
}

static void end_array(struct document *document)
{
	mp_buf_adds(&document->out, "\n]");
}

/* Whose the files are */

static int by_package(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	return strcmp(x->sha1, y->sha1);
}

static void assign_files(struct document *document)
{
	size_t n = mp_digests_count(document->digests);

	document->slots = mp_xcalloc(n, sizeof(*document->slots));
	for (size_t i = 0; i < n; i++) {
		const struct mp_file_digest *digest = mp_digests_at(document->digests, i);
		const struct mp_package *owner =
			document->packages
				? mp_packages_owner(document->packages, digest->file->path)
				: NULL;

		document->slots[i] = (struct slot){ owner ? owner->index + 1 : 0, i, digest->sha1 };
	}
	if (n > 0)
		qsort(document->slots, n, sizeof(*document->slots), by_package);
}

/*
 * packageVerificationCode: SHA-1 of the SHA-1 digests of the package's files, as text, sorted, one
 * behind the other. false: it has no files. *at: the slot to begin with, then the next package's.
 */
static bool verification_code(const struct document *document, size_t package, size_t *at,
			      char hex_out[MP_SHA1_HEX_SIZE])
{
	MP_AUTO(mp_sha1_freep) struct mp_sha1 *sum = mp_sha1_new();
	size_t n = mp_digests_count(document->digests);
	size_t i = *at;

	for (; i < n && document->slots[i].package == package; i++)
		mp_sha1_add(sum, document->slots[i].sha1, MP_SHA1_HEX_SIZE - 1);
	mp_sha1_finish(sum, hex_out);
	if (i == *at)
		return false;
	*at = i;
	return true;
}

/* Package URLs */

/* Colons stay, as the specification has it; a slash does not. */
static void add_encoded(struct mp_buf *buf, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~:", c))
			mp_buf_addc(buf, (char)c);
		else
			mp_buf_addf(buf, "%%%02X", c);
	}
}

static void add_qualifier(struct mp_buf *buf, bool *any, const char *key, const char *value)
{
	mp_buf_addf(buf, "%c%s=", *any ? '&' : '?', key);
	add_encoded(buf, value);
	*any = true;
}

/* Qualifiers in the order of their names, as the specification has it. */
static char *package_url(const struct mp_packages *packages, const struct mp_package *package)
{
	static const struct {
		const char *type, *vendor;
	} kinds[] = {
		[MP_PACKAGE_DEB] = { "deb", "debian" },
		[MP_PACKAGE_APK] = { "apk", "alpine" },
		[MP_PACKAGE_RPM] = { "rpm", "redhat" },
	};
	const char *id = mp_packages_os_id(packages);
	const char *release = mp_packages_os_version(packages);
	struct mp_buf url = { 0 };
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	bool any = false;

	mp_buf_addf(&url, "pkg:%s/", kinds[package->kind].type);
	add_encoded(&url, id && id[0] ? id : kinds[package->kind].vendor);
	mp_buf_addc(&url, '/');
	add_encoded(&url, package->name);
	if (package->version) {
		mp_buf_addc(&url, '@');
		add_encoded(&url, package->version);
	}
	if (package->architecture)
		add_qualifier(&url, &any, "arch", package->architecture);
	if (id && id[0]) {
		mp_buf_addf(&text, release ? "%s-%s" : "%s", id, release);
		add_qualifier(&url, &any, "distro", text.data);
	}
	if (package->epoch)
		add_qualifier(&url, &any, "epoch", package->epoch);
	if (package->source && strcmp(package->source, package->name) != 0) {
		mp_buf_clear(&text);
		mp_buf_adds(&text, package->source);
		if (package->source_version)
			mp_buf_addf(&text, "@%s", package->source_version);
		add_qualifier(&url, &any, "upstream", text.data);
	}
	return mp_buf_steal(&url);
}

/* Packages */

/* "NAME <MAIL>" as "Organization: NAME (MAIL)"; not said where there is no name. */
static void set_supplier(struct mp_json *json, const char *maintainer)
{
	MP_AUTO(mp_buf_free) struct mp_buf text = { 0 };
	const char *open = maintainer ? strchr(maintainer, '<') : NULL;
	size_t len = maintainer ? strcspn(maintainer, "<") : 0;

	mp_json_set_string(json, "supplier", NOTHING_SAID);
	while (len > 0 && maintainer[len - 1] == ' ')
		len--;
	if (len == 0)
		return;
	mp_buf_adds(&text, "Organization: ");
	mp_buf_add(&text, maintainer, len);
	if (open)
		mp_buf_addf(&text, " (%.*s)", (int)strcspn(open + 1, ">"), open + 1);
	mp_json_set_string(json, "supplier", text.data);
}

static void set_code(const struct document *document, struct mp_json *json, size_t package,
		     size_t *slot)
{
	char hex[MP_SHA1_HEX_SIZE];
	bool has_files = verification_code(document, package, slot, hex);
	struct mp_json *code;

	mp_json_set_boolean(json, "filesAnalyzed", has_files);
	if (!has_files)
		return;
	code = mp_json_object();
	mp_json_set_string(code, "packageVerificationCodeValue", hex);
	mp_json_set_take(json, "packageVerificationCode", code);
}

static void set_unknown(struct mp_json *json)
{
	static const char *const keys[] = {
		"downloadLocation",
		"licenseConcluded",
		"licenseDeclared",
		"copyrightText",
	};

	for (size_t i = 0; i < MP_ARRAY_LEN(keys); i++)
		mp_json_set_string(json, keys[i], NOTHING_SAID);
}

static void put_json(struct document *document, const struct mp_json *json)
{
	MP_AUTO(mp_freep) char *text = mp_json_dump(json);

	mp_buf_adds(&document->out, text);
}

/* The archive itself. */
static void put_root(struct document *document, size_t *slot)
{
	const struct mp_spdx_subject *subject = document->subject;
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	struct mp_json *checksums = mp_json_array();
	struct mp_json *checksum = mp_json_object();

	mp_json_set_string(json, "SPDXID", ROOT_ID);
	mp_json_set_string(json, "name", subject->name);
	if (subject->version)
		mp_json_set_string(json, "versionInfo", subject->version);
	mp_json_set_string(json, "packageFileName", subject->file_name);
	mp_json_set_string(json, "primaryPackagePurpose", "CONTAINER");
	mp_json_set_string(json, "supplier", NOTHING_SAID);
	set_unknown(json);
	mp_json_set_string(checksum, "algorithm", "SHA256");
	mp_json_set_string(checksum, "checksumValue", subject->rootfs_sha256);
	mp_json_push_take(checksums, checksum);
	mp_json_set_take(json, "checksums", checksums);
	set_code(document, json, 0, slot);
	put_json(document, json);
}

static void put_package(struct document *document, const struct mp_package *package, size_t *slot)
{
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_freep) char *id = mp_xasprintf("SPDXRef-Package-%zu", package->index + 1);
	MP_AUTO(mp_freep) char *url = package_url(document->packages, package);
	struct mp_json *references = mp_json_array();
	struct mp_json *reference = mp_json_object();

	mp_json_set_string(json, "SPDXID", id);
	mp_json_set_string(json, "name", package->name);
	if (package->version) {
		MP_AUTO(mp_freep)
		char *version = mp_xasprintf("%s%s%s", package->epoch ? package->epoch : "",
					     package->epoch ? ":" : "", package->version);

		mp_json_set_string(json, "versionInfo", version);
	}
	set_supplier(json, package->maintainer);
	if (package->homepage)
		mp_json_set_string(json, "homepage", package->homepage);
	set_unknown(json);
	/* Databases have texts of all kinds there: a licence expression is what SPDX asks for. */
	if (package->license) {
		MP_AUTO(mp_freep)
		char *text = mp_xasprintf("The package says: %s", package->license);

		mp_json_set_string(json, "licenseComments", text);
	}
	mp_json_set_string(reference, "referenceCategory", "PACKAGE-MANAGER");
	mp_json_set_string(reference, "referenceType", "purl");
	mp_json_set_string(reference, "referenceLocator", url);
	mp_json_push_take(references, reference);
	mp_json_set_take(json, "externalRefs", references);
	set_code(document, json, package->index + 1, slot);
	put_json(document, json);
}

static int put_packages(struct document *document, struct mp_error *err)
{
	size_t slot = 0;

	begin_array(document, "packages");
	if (next_element(document, err))
		return -1;
	put_root(document, &slot);
	for (size_t i = 0; i < document->n_packages; i++) {
		if (next_element(document, err))
			return -1;
		put_package(document, mp_packages_at(document->packages, i), &slot);
	}
	end_array(document);
	return 0;
}

/* Files: many, so that they are written without a JSON value for each */

static void put_string(struct mp_buf *out, const char *text)
{
	mp_buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			mp_buf_addc(out, '\\');
		mp_buf_addc(out, *text);
	}
	mp_buf_addc(out, '"');
}

static int put_files(struct document *document, struct mp_error *err)
{
	MP_AUTO(mp_buf_free) struct mp_buf name = { 0 };
	struct mp_buf *out = &document->out;

	begin_array(document, "files");
	for (size_t i = 0; i < mp_digests_count(document->digests); i++) {
		const struct mp_file_digest *digest = mp_digests_at(document->digests, i);

		if (next_element(document, err))
			return -1;
		mp_buf_clear(&name);
		mp_buf_addc(&name, '.');
		mp_path_escape(&name, digest->file->path);
		mp_buf_addf(out, "{\"SPDXID\": \"SPDXRef-File-%zu\", \"fileName\": ", i);
		put_string(out, name.data);
		mp_buf_addf(out,
			    ", \"checksums\": [{\"algorithm\": \"SHA1\", \"checksumValue\": "
			    "\"%s\"}, {\"algorithm\": \"SHA256\", \"checksumValue\": \"%s\"}], "
			    "\"licenseConcluded\": \"" NOTHING_SAID
			    "\", \"copyrightText\": \"" NOTHING_SAID "\"}",
			    digest->sha1, digest->sha256);
	}
	end_array(document);
	return 0;
}

static int put_relationship(struct document *document, const char *from, const char *type,
			    const char *to, size_t number, struct mp_error *err)
{
	if (next_element(document, err))
		return -1;
	mp_buf_addf(&document->out,
		    "{\"spdxElementId\": \"%s\", \"relationshipType\": \"%s\", "
		    "\"relatedSpdxElement\": \"SPDXRef-%s-%zu\"}",
		    from, type, to, number);
	return 0;
}

static int put_relationships(struct document *document, struct mp_error *err)
{
	begin_array(document, "relationships");
	if (put_relationship(document, "SPDXRef-DOCUMENT", "DESCRIBES", "Package", 0, err))
		return -1;
	for (size_t i = 0; i < document->n_packages; i++) {
		if (put_relationship(document, ROOT_ID, "CONTAINS", "Package", i + 1, err))
			return -1;
	}
	for (size_t i = 0; i < mp_digests_count(document->digests); i++) {
		const struct slot *slot = &document->slots[i];
		MP_AUTO(mp_freep) char *from = mp_xasprintf("SPDXRef-Package-%zu", slot->package);

		if (put_relationship(document, from, "CONTAINS", "File", slot->file, err))
			return -1;
	}
	end_array(document);
	return 0;
}

/* The time as SPDX has it, without fractions of seconds; anything but UTC is not known. */
static void time_text(const char *created, char out[32])
{
	static const char pattern[] = "dddd-dd-ddTdd:dd:dd";
	const char *rest;
	size_t i = 0;

	strcpy(out, "1970-01-01T00:00:00Z");
	while (created && pattern[i] &&
	       (pattern[i] == 'd' ? created[i] >= '0' && created[i] <= '9'
				  : created[i] == pattern[i]))
		i++;
	if (!created || pattern[i])
		return;
	rest = created + i;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") == 0)
		memcpy(out, created, i);
}

/* Everything before the arrays: an object that is not closed. */
static void put_head(struct document *document)
{
	const struct mp_spdx_subject *subject = document->subject;
	MP_AUTO(mp_json_freep) struct mp_json *json = mp_json_object();
	MP_AUTO(mp_buf_free) struct mp_buf space = { 0 };
	struct mp_json *info = mp_json_object();
	struct mp_json *creators = mp_json_array();
	MP_AUTO(mp_freep) char *text = NULL;
	char created[32];

	time_text(subject->created, created);
	mp_buf_adds(&space, "https://spdx.org/spdxdocs/micropack/");
	add_encoded(&space, subject->name);
	mp_buf_addf(&space, "-%s", subject->rootfs_sha256);
	mp_json_set_string(json, "spdxVersion", "SPDX-2.3");
	mp_json_set_string(json, "dataLicense", "CC0-1.0");
	mp_json_set_string(json, "SPDXID", "SPDXRef-DOCUMENT");
	mp_json_set_string(json, "name", subject->name);
	mp_json_set_string(json, "documentNamespace", space.data);
	mp_json_set_string(info, "created", created);
	mp_json_push_take(creators, mp_json_string("Tool: micropack-" MP_VERSION));
	mp_json_set_take(info, "creators", creators);
	mp_json_set_take(json, "creationInfo", info);
	text = mp_json_dump(json);
	mp_buf_add(&document->out, text, strlen(text) - 1);
}

int mp_spdx_write(const struct mp_spdx_subject *subject, const struct mp_packages *packages,
		  const struct mp_digests *digests, int fd, const char *name, struct mp_error *err)
{
	MP_AUTO(document_clear)
	struct document document = {
		.subject = subject,
		.packages = packages,
		.digests = digests,
		.n_packages = packages ? mp_packages_count(packages) : 0,
		.fd = fd,
		.name = name,
	};

	assign_files(&document);
	put_head(&document);
	if (put_packages(&document, err) || put_files(&document, err) ||
	    put_relationships(&document, err))
		return -1;
	mp_buf_adds(&document.out, "}\n");
	return flush(&document, err);
}
