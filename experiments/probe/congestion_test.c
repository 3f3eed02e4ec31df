// SPDX-License-Identifier: BSD-2-Clause
/* What the kernel tells of the congestion control of real connections, over loopback. */

#include "experiments/probe/congestion.h"
#include "experiments/probe/sockdiag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int listener, sender, receiver;
	uint16_t server_port, data_port;
};

static uint16_t port_of(int fd)
{
	struct sockaddr_in own = {0};
	socklen_t size = sizeof(own);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
	return ntohs(own.sin_port);
}

/* A connection whose sender has the congestion control and has sent something. */
static struct pair connect_pair(const char *control)
{
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct pair p = {.listener = socket(AF_INET, SOCK_STREAM, 0),
		.sender = socket(AF_INET, SOCK_STREAM, 0)};
	assert_int_equal(bind(p.listener, (struct sockaddr *)&there, sizeof(there)), 0);
	assert_int_equal(listen(p.listener, 1), 0);
	there.sin_port = htons(p.server_port = port_of(p.listener));
	assert_int_equal(setsockopt(p.sender, IPPROTO_TCP, TCP_CONGESTION, control,
				 (socklen_t)strlen(control)),
		0);
	assert_int_equal(connect(p.sender, (struct sockaddr *)&there, sizeof(there)), 0);
	p.data_port = port_of(p.sender);
	p.receiver = accept(p.listener, NULL, NULL);
	char bytes[1000] = {0};
	for (int i = 0; i < 100; i++) {
		assert_int_equal(send(p.sender, bytes, sizeof(bytes), 0), sizeof(bytes));
		assert_int_equal(
			recv(p.receiver, bytes, sizeof(bytes), MSG_WAITALL), sizeof(bytes));
	}
	return p;
}

/* The sender of a connection with this congestion control, as sock_diag has it. */
static json_t *sender_with(const char *control)
{
	char *error = NULL;
	struct pair p = connect_pair(control);
	struct sockdiag *diag = sockdiag_open(getpid(), &error);
	assert_non_null(diag);
	json_t *all = sockdiag_connections(diag, p.server_port, p.data_port, 1, false, &error);
	assert_non_null(all);
	json_t *found = NULL, *one;
	size_t i;
	json_array_foreach (all, i, one)
		if (json_integer_value(json_object_get(one, "src_port")) == p.data_port)
			found = json_incref(one);
	json_decref(all);
	sockdiag_close(diag);
	close(p.sender);
	close(p.receiver);
	close(p.listener);
	assert_non_null(found);
	assert_string_equal(
		json_string_value(json_object_get(found, "congestion_control")), control);
	return found;
}

static double number(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void bbr_tells_its_state(void **state)
{
	(void)state;
	char *error = NULL;
	if (geteuid() != 0)
		skip(); /* the namespace's sockets are asked for by entering it */
	if (congestion_try("bbr", &error) != 0) {
		print_message("%s\n", error);
		free(error);
		skip();
	}
	json_t *sender = sender_with("bbr"), *bbr = json_object_get(sender, "bbr");
	assert_non_null(bbr);
	assert_true(number(bbr, "bandwidth_mbit") > 0);
	assert_true(number(bbr, "min_rtt_ms") >= 0 && number(bbr, "min_rtt_ms") < 60000);
	/* of any of its phases: start-up has 2.89, drain its inverse */
	assert_true(number(bbr, "pacing_gain") > 0.3 && number(bbr, "pacing_gain") < 3);
	assert_true(number(bbr, "cwnd_gain") >= 1 && number(bbr, "cwnd_gain") < 3);
	json_decref(sender);
}

static void others_have_none(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	json_t *sender = sender_with("reno");
	assert_null(json_object_get(sender, "bbr"));
	json_decref(sender);
}

static void what_the_kernel_lacks_is_one_line(void **state)
{
	(void)state;
	char *error = NULL;
	assert_int_equal(congestion_try("reno", &error), 0);
	assert_null(error);
	assert_int_equal(congestion_try("no-such", &error), -1);
	assert_string_equal(error,
		"expected a kernel with the congestion control \"no-such\", this "
		"one has none of this name");
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bbr_tells_its_state),
		cmocka_unit_test(others_have_none),
		cmocka_unit_test(what_the_kernel_lacks_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
