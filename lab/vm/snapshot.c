// SPDX-License-Identifier: BSD-2-Clause
/*
 * snapshot [NAME]: without a name, stops the machine at this very instruction, until it is
 * continued; with one, writes the file that QEMU has under it (-fw_cfg name=NAME,file=...) to
 * standard output.
 *
 * Theory of operation
 * -------------------
 * A boot is the same for all jobs, and most of it is the calibration of the APIC's timer against a
 * clock that counts instructions. So snapshot.sh boots once and stores the guest as it is at the
 * instruction that writes to the reset register, at which that QEMU pauses. A job then runs in a
 * guest that goes on from there, and finds its own files.
 *
 * The files come by QEMU's firmware configuration device (docs/specs/fw_cfg), with no driver: the
 * guest writes the physical address of a command to a port, and when that instruction is over QEMU
 * has copied the data. No interrupt, no thread of the host and no time on the host's clock is
 * involved. The kernel's driver would read byte by byte, and each page from the start of the file.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	RESET_REGISTERS = 0xfea00000, /* acpi-ged of microvm */
	RESET_OFFSET = 0x202,
	RESET_VALUE = 0x42,
	DMA_PORT = 0x514, /* the address' upper half; the lower half, and the start, 4 behind it */
	DMA_ERROR = 1,
	DMA_READ = 2,
	DMA_SELECT = 8,
	DIRECTORY_KEY = 0x19,
	PAGE = 4096,
	PAGES = 64,
};

/* All of the device is big-endian. */
struct command {
	uint32_t control, length;
	uint64_t address;
};

struct entry {
	uint32_t size;
	uint16_t key, reserved;
	char name[56];
};

/* Page 0 has the command, the others are for data. */
static uint8_t (*pages)[PAGE];
static uint64_t physical[PAGES];

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "snapshot: %s: %s\n", what, why);
	exit(1);
}

/* Pages that stay where they are: shared memory is not moved into huge pages behind our back. */
static void map_pages(void)
{
	pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	if (pages == MAP_FAILED)
		fail("memory", strerror(errno));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("/proc/self/pagemap", strerror(errno));
	uint64_t map[PAGES];
	off_t offset = (off_t)((uintptr_t)pages / PAGE * sizeof(map[0]));
	if (pread(fd, map, sizeof(map), offset) != sizeof(map))
		fail("/proc/self/pagemap", "expected an entry for each page");
	close(fd);
	for (int i = 0; i < PAGES; i++) {
		/* Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bits 0 to 54 the page
		 * frame */
		physical[i] = (map[i] & (((uint64_t)1 << 55) - 1)) * PAGE;
		if (!(map[i] >> 63) || !physical[i])
			fail("/proc/self/pagemap", "expected the pages' addresses, for root");
	}
}

/* One transfer into page I: at most a page, from where the last one ended or from the start of KEY.
 */
static void transfer(int i, uint32_t length, int key)
{
	volatile struct command *command = (volatile struct command *)pages[0];
	uint32_t control = DMA_READ | (key ? DMA_SELECT | (uint32_t)key << 16 : 0);
	command->control = htobe32(control);
	command->length = htobe32(length);
	command->address = htobe64(physical[i]);
	outl(htobe32((uint32_t)(physical[0] >> 32)), DMA_PORT);
	outl(htobe32((uint32_t)physical[0]), DMA_PORT + 4);
	if (be32toh(command->control))
		fail("fw_cfg", be32toh(command->control) & DMA_ERROR ? "the transfer failed"
								     : "no answer");
}

static void stop(void)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("/dev/mem", strerror(errno));
	volatile uint8_t *registers =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, RESET_REGISTERS);
	if (registers == MAP_FAILED)
		fail("/dev/mem", strerror(errno));
	registers[RESET_OFFSET] = RESET_VALUE;
	close(fd);
}

static struct entry find(const char *name)
{
	struct entry entry;
	uint32_t count;
	transfer(1, sizeof(count), DIRECTORY_KEY);
	memcpy(&count, pages[1], sizeof(count));
	for (uint32_t i = be32toh(count); i > 0; i--) {
		transfer(1, sizeof(entry), 0);
		memcpy(&entry, pages[1], sizeof(entry));
		if (strncmp(entry.name, name, sizeof(entry.name)) == 0)
			return entry;
	}
	fail(name, "QEMU has no such file");
}

static void print(const char *name)
{
	struct entry entry = find(name);
	uint32_t left = be32toh(entry.size);
	int key = be16toh(entry.key);
	while (left > 0) {
		uint32_t filled = 0;
		for (int i = 1; i < PAGES && left > 0; i++) {
			uint32_t length = left < PAGE ? left : PAGE;
			transfer(i, length, key);
			key = 0;
			left -= length;
			filled += length;
		}
		for (uint32_t at = 0; at < filled;) {
			ssize_t n = write(STDOUT_FILENO, pages[1] + at, filled - at);
			if (n < 0)
				fail("standard output", strerror(errno));
			at += (uint32_t)n;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "usage: snapshot [NAME], the name of a fw_cfg file\n");
		return 2;
	}
	if (ioperm(DMA_PORT, 8, 1) != 0)
		fail("ports", strerror(errno));
	if (argc == 1) {
		stop();
		return 0;
	}
	map_pages();
	print(argv[1]);
	return 0;
}
