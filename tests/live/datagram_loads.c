/*
 * Loads that are no scan, for some seconds, in datagrams:
 *
 *   datagram_loads dns SERVER RATE SECONDS
 *   datagram_loads streams OWN PORT OTHER PORT COUNT BATCH LENGTH BYTE RATE SECONDS
 *
 * "dns" asks RATE questions a second, or as many as are answered if RATE is 0.
 * "streams" is one end of COUNT streams from and to ports that differ by 2: it
 * sends RATE datagrams a second in all, BATCH at once of each stream, or as many as
 * it can if RATE is 0. They have LENGTH bytes, and begin with BYTE. Prints how many
 * datagrams were sent and received, in how many milliseconds.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	/* The most with one call. */
	BATCH = 64,
	LENGTH = 1472,
	SOCKETS = 1024,
	/* Sockets that ask, and questions of each that wait for an answer. */
	ASKING = 20,
	WINDOW = 50,
	/* Questions of each at once where there is a rate. */
	AT_ONCE = 5,
	/* What is lost is asked again after so many milliseconds without answers. */
	SILENCE_MS = 250,
	BUFFER = 4 << 20,
};

static struct mmsghdr out[BATCH], in[BATCH];
static unsigned char out_bytes[BATCH][LENGTH], in_bytes[BATCH][LENGTH];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static unsigned long sent, received;

static void prepare(void)
{
	for (int i = 0; i < BATCH; i++) {
		out_parts[i].iov_base = out_bytes[i];
		in_parts[i].iov_base = in_bytes[i];
		in_parts[i].iov_len = LENGTH;
		out[i].msg_hdr.msg_iov = &out_parts[i];
		in[i].msg_hdr.msg_iov = &in_parts[i];
		out[i].msg_hdr.msg_iovlen = in[i].msg_hdr.msg_iovlen = 1;
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static struct sockaddr_in address_of(const char *text, int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		errx(1, "%s is no IPv4 address", text);
	return address;
}

static int open_socket(const char *own, int port, const char *other, int other_port)
{
	struct sockaddr_in here = address_of(own, port);
	struct sockaddr_in there = address_of(other, other_port);
	int size = BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (void *)&here, sizeof(here)) < 0 ||
	    connect(fd, (void *)&there, sizeof(there)) < 0)
		err(1, "cannot reach %s", other);
	/* As root beyond the limit, so that the sender alone decides. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* What was refused or finds no room is lost, as on any network. */
static void send_some(int fd, int count)
{
	int some = sendmmsg(fd, out, count, 0);

	if (some > 0)
		sent += some;
}

static int receive_some(int fd)
{
	int some = recvmmsg(fd, in, BATCH, 0, NULL);

	if (some <= 0)
		return 0;
	received += some;
	return some;
}

/* Asks a question for each answer that is in the buffers, under its number. */
static void ask_again(int fd, int count)
{
	for (int i = 0; i < count; i++)
		memcpy(out_bytes[i], in_bytes[i], 2);
	send_some(fd, count);
}

/* Asks as fast as it is answered. */
static void ask_in_turn(const int *fds, double end)
{
	struct pollfd ready[ASKING];

	for (int i = 0; i < ASKING; i++) {
		ready[i].fd = fds[i];
		ready[i].events = POLLIN;
		send_some(fds[i], WINDOW);
	}
	while (now() < end) {
		int some = poll(ready, ASKING, SILENCE_MS);

		for (int i = 0; i < ASKING; i++) {
			if (some == 0)
				send_some(fds[i], WINDOW);
			else if (ready[i].revents != 0)
				ask_again(fds[i], receive_some(fds[i]));
		}
	}
}

static void wait_until(double time)
{
	double left = time - now();

	if (left > 0)
		usleep(left * 1e6);
}

/* Sends `batch` datagrams by each socket in turn, and takes what has arrived. */
static void send_evenly(const int *fds, int count, int batch, double rate, double seconds)
{
	double begin = now();

	for (unsigned long round = 0; now() < begin + seconds; round++) {
		if (rate > 0)
			wait_until(begin + round * count * batch / rate);
		for (int i = 0; i < count; i++) {
			send_some(fds[i], batch);
			while (receive_some(fds[i]) == BATCH)
				continue;
		}
	}
}

static void ask(char **args)
{
	/* The text's end is the last byte of the class. */
	static const unsigned char question[] =
		"\0\0\1\0\0\1\0\0\0\0\0\0\3www\4site\0\0\1\0";
	double rate = atof(args[1]), seconds = atof(args[2]);
	int fds[ASKING];

	for (int i = 0; i < BATCH; i++) {
		memcpy(out_bytes[i], question, sizeof(question));
		out_bytes[i][sizeof(question) - 1] = 1;
		out_parts[i].iov_len = sizeof(question);
	}
	for (int i = 0; i < ASKING; i++)
		fds[i] = open_socket("0.0.0.0", 0, args[0], 53);
	if (rate > 0)
		send_evenly(fds, ASKING, AT_ONCE, rate, seconds);
	else
		ask_in_turn(fds, now() + seconds);
}

static void stream(char **args)
{
	int count = atoi(args[4]), batch = atoi(args[5]), length = atoi(args[6]);
	int fds[SOCKETS];

	if (count > SOCKETS || batch > BATCH || length > LENGTH)
		errx(1, "too many, or too long");
	for (int i = 0; i < BATCH; i++) {
		out_bytes[i][0] = strtol(args[7], NULL, 16);
		out_parts[i].iov_len = length;
	}
	for (int i = 0; i < count; i++)
		fds[i] = open_socket(args[0], atoi(args[1]) + 2 * i,
				     args[2], atoi(args[3]) + 2 * i);
	fprintf(stderr, "ready\n");
	send_evenly(fds, count, batch, atof(args[8]), atof(args[9]));
}

int main(int argc, char **argv)
{
	double begin = now();

	prepare();
	if (argc == 5 && strcmp(argv[1], "dns") == 0)
		ask(argv + 2);
	else if (argc == 12 && strcmp(argv[1], "streams") == 0)
		stream(argv + 2);
	else
		errx(1, "see the top of datagram_loads.c");
	printf("%lu sent, %lu received in %.0f ms\n", sent, received,
	       (now() - begin) * 1000);
	return 0;
}
