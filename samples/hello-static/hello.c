/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello [NAME]: prints the greeting of /greetings/$HELLO_LANG to NAME, and ends.
 * System calls only, so that the static program stays small.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fail(const char *what, const char *about)
{
	put(2, "hello: ", 7);
	put(2, what, strlen(what));
	put(2, about, strlen(about));
	put(2, "\n", 1);
	return 1;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "world";
	const char *lang = getenv("HELLO_LANG");
	char greeting[128];
	ssize_t len;
	int fd;

	if (lang == NULL || lang[0] == '\0' || strchr(lang, '/') != NULL)
		lang = "en";
	if (chdir("/greetings") < 0)
		return fail("no directory ", "/greetings");
	fd = open(lang, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("no greeting in ", lang);
	len = read(fd, greeting, sizeof(greeting));
	close(fd);
	while (len > 0 && greeting[len - 1] == '\n')
		len--;
	if (len <= 0)
		return fail("empty greeting in ", lang);

	if (put(1, greeting, (size_t)len) < 0 || put(1, ", ", 2) < 0 ||
	    put(1, name, strlen(name)) < 0 || put(1, "!\n", 2) < 0)
		return fail("cannot write", "");
	return 0;
}
