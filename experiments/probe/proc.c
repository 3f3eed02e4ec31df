// SPDX-License-Identifier: BSD-2-Clause
/*
 * Children and time.
 *
 * Theory of operation
 * -------------------
 * All signals that matter arrive at one signalfd: SIGCHLD wakes a wait early, and the three that
 * ask us to stop are remembered until somebody looks. So Ctrl-C never interrupts anything half-way:
 * the run that is under way sees it at its next wait, takes its lab down and leaves. Children live
 * in process groups of their own, because the terminal sends Ctrl-C to our group, and we want to be
 * the only one who ends them. Should we be killed outright, the kernel ends them
 * (PR_SET_PDEATHSIG).
 */

#include "experiments/probe/proc.h"

#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int signal_fd = -1;
static int stop_signal;
static sigset_t normal_mask;

int proc_begin(char **error)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &ours, &normal_mask) != 0)
		return error_set(error, "signals cannot be blocked: %s", strerror(errno));
	signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return error_set(error, "signalfd: %s", strerror(errno));
	return 0;
}

static void take_signals(void)
{
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			stop_signal = (int)info.ssi_signo;
}

int proc_stop_signal(void)
{
	take_signals();
	return stop_signal;
}

int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Points descriptor `fd` to a file; the child's own business, so failure ends it. */
static void redirect(int fd, const char *file, int flags)
{
	int got = open(file, flags | O_CLOEXEC, 0666);
	if (got < 0 || dup2(got, fd) < 0) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		_exit(1);
	}
	close(got);
}

/* Among ours is the lock on the results, which a child must not hold longer than we do. */
static void close_all_but(int keep_fd)
{
	unsigned first = STDERR_FILENO + 1;
	if (keep_fd >= (int)first) {
		if (keep_fd > (int)first)
			close_range(first, (unsigned)keep_fd - 1, 0);
		first = (unsigned)keep_fd + 1;
	}
	close_range(first, ~0U, 0);
}

int child_start(struct child *c, const char *name, int (*body)(void *), void *argument,
	const char *out_file, const char *err_file, int keep_fd, char **error)
{
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return error_set(error, "%s: cannot be started: %s", name, strerror(errno));
	if (pid > 0) {
		*c = (struct child){.name = name, .pid = pid};
		return 0;
	}

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_all_but(keep_fd);
	sigprocmask(SIG_SETMASK, &normal_mask, NULL);
	redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	if (out_file)
		redirect(STDOUT_FILENO, out_file, O_WRONLY | O_CREAT | O_TRUNC);
	if (err_file)
		redirect(STDERR_FILENO, err_file, O_WRONLY | O_CREAT | O_TRUNC);
	int status = body(argument);
	const char *why = output_failure(stdout);
	if (why && err_file)
		fprintf(stderr, "%s: %s\n", out_file ? out_file : "standard output", why);
	fflush(NULL);
	_exit(why && status == 0 ? 1 : status);
}

/* Takes note of the child's end, if it has ended. */
static bool reap(struct child *c)
{
	struct rusage usage;
	if (c->pid <= 0 || wait4(c->pid, &c->status, WNOHANG, &usage) != c->pid)
		return false;
	c->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	c->pid = 0;
	return true;
}

/* Waits for the child or the time; a stop counts only when `stoppable`. */
static enum wait_result wait_for(struct child *c, int64_t until_us, bool stoppable)
{
	for (;;) {
		take_signals();
		if (c && (c->pid <= 0 || reap(c)))
			return WAIT_ENDED;
		if (stoppable && stop_signal)
			return WAIT_STOPPED;
		int64_t left = until_us - now_us();
		if (left <= 0)
			return WAIT_TIME;

		struct pollfd p = {.fd = signal_fd, .events = POLLIN};
		struct timespec ts = {left / 1000000, left % 1000000 * 1000};
		ppoll(&p, 1, &ts, NULL);
	}
}

enum wait_result child_wait(struct child *c, int64_t until_us)
{
	return wait_for(c, until_us, true);
}

bool child_end(struct child *c, int patience_ms)
{
	if (c->pid <= 0 || reap(c))
		return true;
	kill(c->pid, SIGTERM);
	if (wait_for(c, now_us() + (int64_t)patience_ms * 1000, false) == WAIT_ENDED)
		return true;
	kill(c->pid, SIGKILL);
	while (wait_for(c, now_us() + 1000000, false) != WAIT_ENDED)
		;
	return false;
}

const char *child_fate(const struct child *c)
{
	static char fate[64];
	if (WIFSIGNALED(c->status))
		snprintf(fate, sizeof(fate), "was ended by signal %d", WTERMSIG(c->status));
	else
		snprintf(fate, sizeof(fate), "ended with status %d", WEXITSTATUS(c->status));
	return fate;
}
