/* Frames that no kernel made: sigreturn with registers, segments, flags and FPU states of chance,
 * and stack segments that change under a program. It may end in any way; the machine goes on. */
#include "tap.h"

enum { NR_sigreturn = 119, NR_rt_sigreturn = 173, NR_setitimer = 104 };

struct kcontext {
	ulong gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags,
		esp_at_signal, ss, fpstate, oldmask, cr2;
};

struct rt_frame {
	ulong restorer, sig, info_at, context_at;
	int info[32];
	struct {
		ulong flags, link, stack[3];
		struct kcontext mc;
		u64 mask;
	} uc;
};

struct old_frame {
	ulong restorer, sig;
	struct kcontext mc;
	ulong mask;
};

struct user_desc {
	u32 entry, base, limit, flags;
};

static u8 fpu[1024] __attribute__((aligned(16)));
static u8 stack[8192];

static void ends(void) { k_exit(5); }

/* A selector, an edge of something, or anything. */
static ulong odd(u32 *seed)
{
	static const ulong values[] = {
		0, 1, 3, 7, 8, 0xb, 0xf, 0x10, 0x13, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x2b, 0x30, 0x33,
		0x3b, 0x43, 0x48, 0x4b, 0x50, 0x53, 0xffff, 0xfff8, 0xc0000000, 0xbffffffc, 0xfffffffc, 0x7fffffff
	};

	return rnd(seed) % 4 ? values[rnd(seed) % (sizeof(values) / sizeof(values[0]))] : rnd(seed);
}

/* Whatever comes of it ends after 50 ms of computing. */
static void end_soon(void)
{
	long value[4] = { 0, 0, 0, 50000 };

	SC3(NR_setitimer, 1, value, 0);
}

static void any_segments(u32 *seed)
{
	for (u32 i = 0; i < 3; i++) {
		struct user_desc d = { 6 + i, rnd(seed), rnd(seed) & 0xfffff,
				       0x41 | (rnd(seed) & 0x1a) };

		SC1(NR_set_thread_area, &d);
	}
}

static void fill(struct kcontext *mc, u32 *seed)
{
	for (ulong i = 0; i < sizeof(*mc) / sizeof(ulong); i++)
		((ulong *)mc)[i] = odd(seed);
	for (ulong i = 0; i < sizeof(fpu); i++)
		fpu[i] = (u8)rnd(seed);
	mc->oldmask = 0;
	if (rnd(seed) % 4)
		mc->eip = (ulong)ends;
	if (rnd(seed) % 4)
		mc->esp = (ulong)stack + sizeof(stack) / 2;
	if (rnd(seed) % 2)
		mc->ds = mc->es = 0x2b;
	switch (rnd(seed) % 4) {
	case 0:
		mc->fpstate = 0;
		break;
	case 1:
	case 2:
		mc->fpstate = (ulong)fpu + (rnd(seed) % 2 ? rnd(seed) % 64 : 0);
	}
}

static int old_style(void *number)
{
	static struct old_frame frame;
	u32 seed = (u32)(ulong)number * 2654435761u + 1;

	any_segments(&seed);
	fill(&frame.mc, &seed);
	end_soon();
	__asm__ volatile("mov %0,%%esp\n mov $119,%%eax\n int $0x80" : : "r"(&frame.mc));
	return 1;
}

static int new_style(void *number)
{
	static struct rt_frame frame;
	u32 seed = (u32)(ulong)number * 2654435761u + 7;

	any_segments(&seed);
	fill(&frame.uc.mc, &seed);
	for (int i = 0; i < 3; i++)
		frame.uc.stack[i] = odd(&seed);
	end_soon();
	__asm__ volatile("mov %0,%%esp\n mov $173,%%eax\n int $0x80" : : "r"(&frame.sig));
	return 1;
}

/* The segment that SS names goes, or becomes another one; flags are whatever they are. */
static int stack_segment(void *number)
{
	u32 seed = (u32)(ulong)number * 747796405u + 3;
	struct user_desc d = { 6, 0, 0xfffff, 0x51 };
	struct user_desc other = { 6, rnd(&seed), rnd(&seed) & 0xfffff, 0x51 | (rnd(&seed) & 0xa) };
	ulong flags = rnd(&seed) & 0x254dd5;

	if (rnd(&seed) % 2)
		other = (struct user_desc){ 6, 0, 0, 0x28 };
	SC1(NR_set_thread_area, &d);
	end_soon();
	__asm__ volatile("push %0\n popf\n mov $0x33,%%ecx\n mov %%ecx,%%ss\n mov $243,%%eax\n"
			 "int $0x80\n mov $158,%%eax\n int $0x80\n xor %%ebx,%%ebx\n mov $1,%%eax\n int $0x80"
			 : : "r"(flags), "b"(&other) : "ecx", "eax", "memory");
	return 1;
}

/* How many of `count` children ended at all: by a signal, or with a code. */
static int survived(int (*fn)(void *), int count)
{
	int ended = 0;

	for (int i = 0; i < count; i++) {
		int st = (int)in_child(fn, (void *)(ulong)i);

		ended += (st & 0x7f) != 0x7f && st >= 0;
	}
	return ended;
}

int main(void)
{
	eq(survived(old_style, 300), 300, "300 frames of the old style");
	eq(survived(new_style, 300), 300, "300 frames with siginfo");
	eq(survived(stack_segment, 200), 200, "200 stack segments that go");
	return done("forged");
}
