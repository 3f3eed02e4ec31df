// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is left of a killed mpipd goes.
 *
 * Theory of operation: when a daemon is killed its TUN goes, and with it the routes into that. The
 * NICs' tables and the rules to them would stay; as long as nothing changes they do no harm, but
 * they lead by the old gateway when the host gets another one, and the host is cut off. Rules
 * cannot be made to expire and routes of IPv4 neither, and nothing of a NIC's table goes with the
 * TUN. So a child waits for the daemon's end, by a descriptor of its process, which no signal can
 * keep from it, and removes what is ours. It holds nothing of the daemon's open, is in a session of
 * its own, and may do nothing but change the network.
 *
 * Is the TUN there again by then, a successor is at work: what it finds is its own. Should it come
 * in between, it sees what goes and puts it back, as always. The ingress filter stays: it keeps
 * control messages from applications.
 */

#include "mpip/io/guard.h"

#include "mpip/io/confine.h"
#include "mpip/io/hostnet/hostnet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_process(pid_t process)
{
	return (int)syscall(SYS_pidfd_open, process, 0);
}

static _Noreturn void watch_over(pid_t daemon, const char *tun)
{
	struct pollfd end = {.fd = open_process(daemon), .events = POLLIN};
	if (end.fd < 0 || getppid() != daemon)
		_exit(1);
	prctl(PR_SET_NAME, "mpipd-guard");
	(void)setsid();
	if (dup2(end.fd, STDIN_FILENO) < 0 || chdir("/") < 0 ||
		syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0) < 0)
		_exit(1);
	end.fd = STDIN_FILENO;
	close(STDOUT_FILENO);
	confine_guard();
	while (poll(&end, 1, -1) != 1)
		if (errno != EINTR)
			_exit(1);
	if (if_nametoindex(tun) == 0)
		hostnet_clean();
	_exit(0);
}

int guard_start(struct guard *g, const char *tun)
{
	pid_t daemon = getpid(), process = fork();
	if (process == 0)
		watch_over(daemon, tun);
	*g = (struct guard){.fd = -1};
	if (process < 0)
		return -1;
	g->process = process;
	g->fd = open_process(process);
	if (g->fd >= 0)
		return 0;
	guard_end(g);
	return -1;
}

void guard_end(struct guard *g)
{
	int before = errno;
	if (g->process > 0) {
		kill(g->process, SIGKILL);
		waitpid(g->process, NULL, 0);
	}
	if (g->fd >= 0)
		close(g->fd);
	*g = (struct guard){.fd = -1};
	errno = before;
}
