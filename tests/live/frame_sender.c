/*
 * frame_sender INTERFACE RATE COUNT: sends COUNT frames, RATE a second, as they
 * are. Standard input has the frames, each behind its length in two bytes, big
 * end first; they are sent in turn, again and again. Prints how many were sent
 * and in how many milliseconds.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* So many frames with one call. */
enum { BATCH = 64 };

static unsigned char *input;
static size_t length;
static struct iovec *frames;
static size_t known;

static void read_input(void)
{
	size_t room = 1 << 16;
	ssize_t got;

	input = malloc(room);
	while (input && (got = read(0, input + length, room - length)) > 0) {
		length += got;
		if (length == room)
			input = realloc(input, room *= 2);
	}
	if (!input || got < 0)
		err(1, "cannot read the frames");
}

static void find_frames(void)
{
	size_t at = 0;

	frames = calloc(length / 2 + 1, sizeof(*frames));
	if (!frames)
		err(1, "no memory for the frames");
	while (at + 2 <= length) {
		size_t size = input[at] << 8 | input[at + 1];

		if (at + 2 + size > length)
			errx(1, "the last frame is cut off");
		frames[known].iov_base = input + at + 2;
		frames[known++].iov_len = size;
		at += 2 + size;
	}
	if (known == 0)
		errx(1, "no frames on standard input");
}

static int open_socket(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	int bypass = 1, fd = socket(AF_PACKET, SOCK_RAW, 0);

	address.sll_ifindex = if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    bind(fd, (void *)&address, sizeof(address)) < 0)
		err(1, "%s", name);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) < 0)
		err(1, "PACKET_QDISC_BYPASS");
	return fd;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Sends some frames from the one numbered `first` on; returns how many. */
static int send_some(int fd, unsigned long first, unsigned long count)
{
	struct mmsghdr messages[BATCH];
	int some = count < BATCH ? count : BATCH, sent;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < some; i++) {
		messages[i].msg_hdr.msg_iov = &frames[(first + i) % known];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, some, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
		err(1, "cannot send");
	return sent < 0 ? 0 : sent;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(1, "usage: frame_sender INTERFACE RATE COUNT");
	double rate = atof(argv[2]);
	unsigned long count = strtoul(argv[3], NULL, 10), sent = 0;
	int fd = open_socket(argv[1]);

	read_input();
	find_frames();
	double begin = now();
	while (sent < count) {
		unsigned long due = (now() - begin) * rate + 1;

		if (due <= sent) {
			usleep(200);
			continue;
		}
		if (due > count)
			due = count;
		sent += send_some(fd, sent, due - sent);
	}
	printf("%lu frames in %.0f ms\n", sent, (now() - begin) * 1000);
	return 0;
}
