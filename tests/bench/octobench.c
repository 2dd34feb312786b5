/* octobench.c - loads adapters, runs workloads, interleaves allocators.
 *
 * One worker process per allocator; the parent goes round the workers for
 * every (workload, threads) and every repetition, so that machine noise hits
 * all allocators alike and ratios hold. */
#define _GNU_SOURCE
#include "ob_int.h"
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct ob_adapter A;
struct ob_config ob_cfg;
const struct workload *ob_cur;
size_t ob_arena_bytes = (size_t)512 << 20;
unsigned ob_bad;
uint32_t ob_trace_allocs = 100000;
void (*ob_hook)(int start);

#define X(copy) extern const struct ob_set ob_set_##copy;
OB_COPIES(X)
#undef X
#define X(copy) &ob_set_##copy,
static const struct ob_set *const sets[] = { OB_COPIES(X) };
#undef X
const struct ob_set *ob_set_used = &ob_set_0;

/* An adapter linked into this binary instead of dlopened: spec "static". */
extern const struct ob_adapter *ob_adapter_get(void) __attribute__((weak));

void ob_die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "octobench: %s: ", A.name ? A.name : "-");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(2);
}

uint64_t ob_rss_bytes(void)
{
	unsigned long sz = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%lu %lu", &sz, &rss) != 2)
		ob_die("statm");
	fclose(f);
	return (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ------------------------------------------------------------- loading -- */

/* SPEC is one of
 *   PATH.so                       an adapter
 *   static                        the adapter linked into this binary
 *   NAME=LIB:ALLOCSYM:FREESYM     any malloc library, no adapter needed */
int ob_load(const char *spec)
{
	if (!strcmp(spec, "static")) {
		if (!ob_adapter_get)
			ob_die("no adapter is linked into this binary");
		A = *ob_adapter_get();
	} else if (strchr(spec, '=')) {
		char *s = strdup(spec), *lib = strchr(s, '='), *as, *fs;
		*lib++ = 0;
		as = strchr(lib, ':');
		fs = as ? strchr(as + 1, ':') : NULL;
		if (!fs)
			ob_die("bad spec %s", spec);
		*as++ = *fs++ = 0;
		void *h = dlopen(lib, RTLD_NOW | RTLD_LOCAL);
		if (!h) {
			fprintf(stderr, "octobench: %s\n", dlerror());
			return -1;
		}
		A.abi = OB_ABI;
		A.caps = OB_SMALL;
		A.name = s;
		A.alloc = (void *(*)(size_t))dlsym(h, as);
		A.free = (void (*)(void *))dlsym(h, fs);
		if (!A.alloc || !A.free)
			ob_die("%s or %s missing in %s", as, fs, lib);
	} else {
		void *h = dlopen(spec, RTLD_NOW | RTLD_LOCAL);
		if (!h) {
			fprintf(stderr, "octobench: %s\n", dlerror());
			return -1;
		}
		const struct ob_adapter *(*get)(void) =
			(const struct ob_adapter *(*)(void))dlsym(h, "ob_adapter_get");
		if (!get)
			ob_die("no ob_adapter_get in %s", spec);
		A = *get();
	}
	if (A.abi != OB_ABI)
		ob_die("adapter ABI %u, harness ABI %u", A.abi, OB_ABI);
	return 0;
}

void ob_map_arena(size_t bytes, bool resident)
{
	size_t al = (size_t)64 << 20, len = bytes + al;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		ob_die("arena: %s", strerror(errno));
	char *q = (char *)(((uintptr_t)p + al - 1) & ~(al - 1));
	if (q > p)
		munmap(p, (size_t)(q - p));
	if (q + bytes < p + len)
		munmap(q + bytes, (size_t)(p + len - (q + bytes)));
	/* A kernel's direct map uses large pages; so does the arena if it can. */
	madvise(q, bytes, MADV_HUGEPAGE);
	if (resident)
		memset(q, 0, bytes);
	ob_cfg.arena = q;
	ob_cfg.arena_bytes = bytes;
}

/* -------------------------------------------------------------- threads -- */

static struct {
	uint32_t n;
	volatile uint32_t count, gen;
} bar __attribute__((aligned(128)));

void ob_barrier(void)
{
	uint32_t g = __atomic_load_n(&bar.gen, __ATOMIC_ACQUIRE);
	if (__atomic_add_fetch(&bar.count, 1, __ATOMIC_ACQ_REL) == bar.n) {
		bar.count = 0;
		__atomic_store_n(&bar.gen, g + 1, __ATOMIC_RELEASE);
	} else {
		for (unsigned spins = 0; __atomic_load_n(&bar.gen, __ATOMIC_ACQUIRE) == g;) {
			ob_pause();
			if (++spins > 200000) /* the other one was preempted */
				sched_yield();
		}
	}
}

static struct tctx ctx[OB_MAXT];
static pthread_t thr[OB_MAXT];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv_go = PTHREAD_COND_INITIALIZER, cv_done = PTHREAD_COND_INITIALIZER;
static unsigned job_gen, job_thr, job_left;
static unsigned nthreads_max = 2;

static void pin(unsigned cpu)
{
	cpu_set_t s;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	CPU_ZERO(&s);
	CPU_SET((int)(cpu % (unsigned long)(n > 0 ? n : 1)), &s);
	sched_setaffinity(0, sizeof s, &s);
}

static void *thread_main(void *arg)
{
	struct tctx *c = arg;
	unsigned seen = 0;

	pin(c->id);
	if (A.thread_init)
		A.thread_init(c->id);
	for (;;) {
		pthread_mutex_lock(&mu);
		while (job_gen == seen || c->id >= job_thr) {
			if (job_gen != seen)
				seen = job_gen; /* not ours */
			pthread_cond_wait(&cv_go, &mu);
		}
		seen = job_gen;
		pthread_mutex_unlock(&mu);
		ob_cur->fn(c);
		pthread_mutex_lock(&mu);
		if (--job_left == 0)
			pthread_cond_signal(&cv_done);
		pthread_mutex_unlock(&mu);
	}
	return NULL;
}

/* Run the current workload once; ns/op and tsc/op averaged over threads. */
static void run_once(unsigned nthr, uint64_t iters, double *ns, double *tsc,
		     double *aux, uint64_t *total_ns)
{
	pthread_mutex_lock(&mu);
	bar.n = nthr;
	bar.count = 0;
	for (unsigned i = 0; i < nthr; i++) {
		ctx[i].nthreads = nthr;
		ctx[i].iters = iters;
		ctx[i].ops = ctx[i].ns = ctx[i].tsc = 0;
		ctx[i].aux = NAN;
		ctx[i].rng = 0x12345u + 7919u * i; /* the same run every time */
	}
	job_thr = nthr;
	job_left = nthr;
	job_gen++;
	pthread_cond_broadcast(&cv_go);
	while (job_left)
		pthread_cond_wait(&cv_done, &mu);
	pthread_mutex_unlock(&mu);
	*ns = *tsc = 0;
	*total_ns = 0;
	*aux = ctx[0].aux;
	uint64_t ops = 0;
	for (unsigned i = 0; i < nthr; i++) {
		ops += ctx[i].ops;
		if (ctx[i].ops) {
			/* fill workloads split a fixed sum of ops: weigh by ops */
			*ns += (double)ctx[i].ns;
			*tsc += (double)ctx[i].tsc;
		}
		if (ctx[i].ns > *total_ns)
			*total_ns = ctx[i].ns;
	}
	if (!ops) {
		*ns = *tsc = NAN;
		return;
	}
	*ns /= (double)ops;
	*tsc /= (double)ops;
}

/* On the calling thread, alone, as CPU 0. */
void ob_run_here(const struct workload *w, uint64_t iters, struct tctx *c)
{
	memset(c, 0, sizeof *c);
	bar.n = 1;
	bar.count = 0;
	c->nthreads = 1;
	c->iters = iters;
	c->aux = NAN;
	c->rng = 0x12345u;
	ob_cur = w;
	w->fn(c);
}

/* --------------------------------------------------------------- worker -- */

static int worker_main(const char *spec, unsigned target_ms)
{
	uint64_t calib[256][OB_MAXT + 1];
	char line[256];

	if (ob_load(spec)) {
		printf("ERR\n");
		fflush(stdout);
		return 1;
	}
	ob_cfg.ncpu = nthreads_max;
	if (A.caps & (OB_PAGES | OB_ARENA))
		ob_map_arena(ob_arena_bytes, true);
	pin(0);
	if (A.init && A.init(&ob_cfg))
		ob_die("init failed");
	if (A.thread_init)
		A.thread_init(0); /* count_order() and friends may run here */
	for (unsigned i = 0; i < nthreads_max; i++) {
		ctx[i].id = i;
		pthread_create(&thr[i], NULL, thread_main, &ctx[i]);
	}
	memset(calib, 0, sizeof calib);
	printf("OK %u %s\n", A.caps, A.name);
	fflush(stdout);

	while (fgets(line, sizeof line, stdin)) {
		unsigned w, nthr;
		double ns, tsc, aux;
		uint64_t tot;
		if (sscanf(line, "%u %u", &w, &nthr) != 2)
			break;
		ob_cur = &ob_set_used->workloads[w];
		/* page workloads all start from untouched memory */
		if (ob_cur->caps & OB_PAGES && A.init && A.init(&ob_cfg))
			ob_die("init again failed");
		if (ob_cur->fixed) {
			calib[w][nthr] = ob_cur->fixed;
		} else if (!calib[w][nthr]) { /* find iters for target_ms */
			uint64_t it = 2000;
			for (;;) {
				run_once(nthr, it, &ns, &tsc, &aux, &tot);
				if (tot > target_ms * 250000ull || isnan(ns))
					break;
				it *= 4;
			}
			double want = isnan(ns) ? 1 : (double)target_ms * 1e6 / ns;
			if (want > 4.0 * (double)it)
				want = 4.0 * (double)it;
			calib[w][nthr] = want < 1 ? 1 : (uint64_t)want;
		}
		ob_bad = 0;
		run_once(nthr, calib[w][nthr], &ns, &tsc, &aux, &tot);
		printf("%.4f %.4f %.6f %u\n", ns, tsc, aux, ob_bad);
		fflush(stdout);
	}
	return 0;
}

/* --------------------------------------------------------------- parent -- */

struct worker {
	const char *spec;
	char copy[16]; /* which one of the workloads it runs */
	char name[64];
	unsigned caps;
	pid_t pid;
	FILE *to, *from;
};

static char *self, *opt_arena, *opt_ms, *opt_thr;

static int start_worker(struct worker *w)
{
	int a[2], b[2];
	if (pipe(a) || pipe(b))
		ob_die("pipe");
	w->pid = fork();
	if (w->pid == 0) {
		dup2(a[0], 0);
		dup2(b[1], 1);
		close(a[0]), close(a[1]), close(b[0]), close(b[1]);
		for (int fd = 3; fd < 256; fd++)
			close(fd); /* other workers' pipes */
		execl(self, self, "--worker", w->spec, opt_arena, opt_ms, opt_thr,
		      w->copy, (char *)NULL);
		_exit(127);
	}
	close(a[0]), close(b[1]);
	w->to = fdopen(a[1], "w");
	w->from = fdopen(b[0], "r");
	char l[128];
	if (!fgets(l, sizeof l, w->from) || sscanf(l, "OK %u %63s", &w->caps, w->name) != 2)
		return -1;
	return 0;
}

static void stop_worker(struct worker *w)
{
	fclose(w->to);
	fclose(w->from);
	waitpid(w->pid, NULL, 0);
}

static bool ask(struct worker *w, unsigned wl, unsigned nthr, double *ns, double *tsc,
		double *aux, unsigned *bad)
{
	char l[128];
	fprintf(w->to, "%u %u\n", wl, nthr);
	fflush(w->to);
	if (!fgets(l, sizeof l, w->from))
		return false;
	return sscanf(l, "%lf %lf %lf %u", ns, tsc, aux, bad) == 4;
}

static int cmpd(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}
static double median(const double *v, unsigned n)
{
	double t[256];
	memcpy(t, v, n * sizeof *t);
	qsort(t, n, sizeof *t, cmpd);
	return n & 1 ? t[n / 2] : (t[n / 2 - 1] + t[n / 2]) / 2;
}

/* Ticks of the core clock per tick of the TSC: a chain of dependent adds runs
 * one per core cycle. */
static double core_per_tsc(void)
{
	double best = 0;
	for (int k = 0; k < 20; k++) {
		uint32_t x = 1, n = 2000000;
		uint64_t t = ob_tsc();
		for (uint32_t i = 0; i < n / 20; i++)
			__asm__ volatile(
				"add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\t"
				"add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\t"
				"add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\t"
				"add %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0\n\tadd %0, %0"
				: "+r"(x));
		double r = (double)n / (double)(ob_tsc() - t);
		if (r > best)
			best = r;
	}
	return best;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: octobench [-r reps] [-t maxthreads] [-m ms] [-a arenaMiB] [-w glob]...\n"
		"                 [-x glob]... [-o raw.csv] SPEC...\n"
		"       octobench --check [-t n] [-a MiB] [-s seed] SPEC...\n"
		"       octobench --icount [-a MiB] [-w glob]... SPEC...\n"
		"       octobench --list\n"
		"SPEC: adapter.so | static | NAME=LIB.so:ALLOCSYM:FREESYM\n");
	exit(2);
}

/* What the command line asks for. */
static struct {
	unsigned reps, ms, arena, maxthr, ninc, nexc;
	uint32_t seed;
	char *inc[64], *exc[64];
	FILE *raw;
} opt = { .reps = 9, .ms = 20, .arena = 512, .maxthr = 2, .seed = 1 };

static void parse(int argc, char **argv)
{
	int o;
	while ((o = getopt(argc, argv, "r:t:m:a:w:x:o:s:h")) != -1)
		switch (o) {
		case 'r': opt.reps = (unsigned)atoi(optarg); break;
		case 't': opt.maxthr = (unsigned)atoi(optarg); break;
		case 'm': opt.ms = (unsigned)atoi(optarg); break;
		case 'a': opt.arena = (unsigned)atoi(optarg); break;
		case 's': opt.seed = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'w': if (opt.ninc < 64) opt.inc[opt.ninc++] = optarg; break;
		case 'x': if (opt.nexc < 64) opt.exc[opt.nexc++] = optarg; break;
		case 'o':
			opt.raw = fopen(optarg, "w");
			if (!opt.raw)
				ob_die("%s: %s", optarg, strerror(errno));
			break;
		default: usage();
		}
	if (optind == argc || !opt.reps || opt.reps > 255 || !opt.maxthr ||
	    opt.maxthr > OB_MAXT || opt.arena % 64)
		usage();
	ob_arena_bytes = (size_t)opt.arena << 20;
	nthreads_max = opt.maxthr;
}

static _Noreturn void check_one(const char *spec)
{
	if (ob_load(spec))
		_exit(2);
	ob_cfg.ncpu = opt.maxthr;
	if (A.caps & (OB_PAGES | OB_ARENA))
		ob_map_arena(ob_arena_bytes, true);
	if (A.init && A.init(&ob_cfg))
		ob_die("init failed");
	_exit(ob_selfcheck(opt.maxthr, opt.seed));
}

/* Each allocator in its own process. */
static int check_each(int n, char **specs)
{
	int rc = 0;
	for (int i = 0; i < n; i++) {
		pid_t p = fork();
		if (!p)
			check_one(specs[i]);
		int st;
		waitpid(p, &st, 0);
		if (st) {
			printf("%s: FAIL (status 0x%x)\n", specs[i], st);
			rc = 1;
		}
		fflush(stdout);
	}
	return rc;
}

#define MAXW 32
static struct worker W[MAXW];
static unsigned nw, bad;
static const char *const arch = sizeof(void *) == 4 ? "i386" : "x86_64";

/* What one workload gave with one number of threads. */
static struct {
	double ns[MAXW][256], tsc[MAXW][256], aux[MAXW][256];
	unsigned reps;
	bool has[MAXW];
} got;

static void start_workers(int n, char **specs)
{
	static char ab[16], mb[16], tb[16];
	snprintf(ab, sizeof ab, "%u", opt.arena);
	snprintf(mb, sizeof mb, "%u", opt.ms);
	snprintf(tb, sizeof tb, "%u", opt.maxthr);
	opt_arena = ab, opt_ms = mb, opt_thr = tb;

	for (int i = 0; i < n && nw < MAXW; i++) {
		W[nw].spec = specs[i];
		snprintf(W[nw].copy, sizeof W[nw].copy, "%u", nw);
		if (start_worker(&W[nw]) == 0)
			nw++;
		else
			fprintf(stderr, "octobench: %s left out\n", specs[i]);
	}
}

static void print_heads(void)
{
	double cpt = core_per_tsc();
	uint64_t t0 = ob_ns(), c0 = ob_tsc();
	while (ob_ns() - t0 < 20000000)
		;
	printf("# arch=%s tsc_ghz=%.3f core_per_tsc=%.2f reps=%u ms=%u arena_mib=%u\n", arch,
	       (double)(ob_tsc() - c0) / (double)(ob_ns() - t0), cpt, opt.reps, opt.ms, opt.arena);
	printf("arch,allocator,workload,threads,ns_per_op,tsc_per_op,min_ns,ratio_to_best,aux_name,aux\n");
	if (opt.raw)
		fprintf(opt.raw, "arch,allocator,workload,threads,rep,ns_per_op,tsc_per_op,aux_name,aux\n");
}

static bool wanted(const char *name)
{
	bool take = opt.ninc == 0;
	for (unsigned i = 0; i < opt.ninc; i++)
		take |= fnmatch(opt.inc[i], name, 0) == 0;
	for (unsigned i = 0; i < opt.nexc; i++)
		take &= fnmatch(opt.exc[i], name, 0) != 0;
	return take;
}

/* One repetition of a workload by worker i. */
static void measure(unsigned i, unsigned wl, unsigned nthr, unsigned r)
{
	const struct workload *w = &ob_set_used->workloads[wl];
	struct worker f = W[i], *u = &W[i];
	unsigned b = 0;

	if (!(W[i].caps & w->caps) || (W[i].caps & OB_NOXFER && strstr(w->name, "xfree")))
		return;
	if (w->fresh) {
		u = &f;
		if (start_worker(u))
			return;
	}
	if (!ask(u, wl, nthr, &got.ns[i][r], &got.tsc[i][r], &got.aux[i][r], &b)) {
		fprintf(stderr, "octobench: %s died in %s\n", W[i].name, w->name);
		W[i].caps = 0;
		bad++;
		return;
	}
	if (w->fresh)
		stop_worker(u);
	bad += b;
	got.has[i] = true;
	if (opt.raw)
		fprintf(opt.raw, "%s,%s,%s,%u,%u,%.4f,%.4f,%s,%.6f\n", arch, W[i].name, w->name,
			nthr, r, got.ns[i][r], got.tsc[i][r], w->auxname ? w->auxname : "",
			got.aux[i][r]);
}

static double best_median(void)
{
	double best = INFINITY;
	for (unsigned i = 0; i < nw; i++)
		if (got.has[i] && W[i].caps && !isnan(got.ns[i][0]) && strcmp(W[i].name, "null")) {
			double m = median(got.ns[i], got.reps);
			best = m < best ? m : best;
		}
	return best;
}

static void print_row(unsigned i, const struct workload *w, unsigned nthr, double best)
{
	double m = median(got.ns[i], got.reps), mn = INFINITY, a = median(got.aux[i], got.reps);
	for (unsigned r = 0; r < got.reps; r++)
		mn = got.ns[i][r] < mn ? got.ns[i][r] : mn;
	printf("%s,%s,%s,%u,", arch, W[i].name, w->name, nthr);
	if (isnan(m) || m == 0) /* no such order, or aux only */
		printf(",,,,");
	else
		printf("%.2f,%.1f,%.2f,%.2f,", m, median(got.tsc[i], got.reps), mn, m / best);
	printf("%s,", w->auxname ? w->auxname : "");
	if (!isnan(a))
		printf("%.4g", a);
	putchar('\n');
}

/* All workers in turn, with a new starting point each time round. */
static void compare(unsigned wl, unsigned nthr)
{
	const struct workload *w = &ob_set_used->workloads[wl];

	memset(got.has, 0, sizeof got.has);
	got.reps = w->oneshot ? 1 : opt.reps;
	for (unsigned r = 0; r < got.reps; r++)
		for (unsigned k = 0; k < nw; k++)
			measure((k + r) % nw, wl, nthr, r);
	double best = best_median();
	for (unsigned i = 0; i < nw; i++)
		if (got.has[i] && W[i].caps)
			print_row(i, w, nthr, best);
	fflush(stdout);
}

static int compare_all(int n, char **specs)
{
	start_workers(n, specs);
	if (!nw)
		return 2;
	print_heads();
	for (unsigned wl = 0; wl < ob_set_used->count; wl++) {
		const struct workload *w = &ob_set_used->workloads[wl];
		unsigned most = w->maxthr > 1 ? opt.maxthr : 1;
		for (unsigned nthr = w->minthr; nthr <= most && wanted(w->name); nthr++)
			compare(wl, nthr);
	}
	for (unsigned i = 0; i < nw; i++)
		stop_worker(&W[i]);
	if (bad)
		printf("# FAILURES %u\n", bad);
	return bad != 0;
}

int main(int argc, char **argv)
{
	/* jemalloc and others want static TLS even when dlopened */
	if (!getenv("OB_REEXEC")) {
		setenv("OB_REEXEC", "1", 1);
		setenv("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=65536", 1);
		execv("/proc/self/exe", argv);
	}
	static char exe[4096] = "/proc/self/exe";
	ssize_t el = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (el > 0)
		exe[el] = 0;
	self = exe;

	if (argc > 6 && !strcmp(argv[1], "--worker")) {
		ob_set_used = sets[(unsigned)atoi(argv[6]) % (sizeof sets / sizeof *sets)];
		ob_arena_bytes = (size_t)strtoul(argv[3], NULL, 0) << 20;
		nthreads_max = (unsigned)atoi(argv[5]);
		return worker_main(argv[2], (unsigned)atoi(argv[4]));
	}
	if (argc > 1 && !strcmp(argv[1], "--icount"))
		return ob_icount_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "--list")) {
		for (unsigned i = 0; i < ob_set_used->count; i++)
			printf("%s\n", ob_set_used->workloads[i].name);
		return 0;
	}
	bool check = argc > 1 && !strcmp(argv[1], "--check");
	if (check)
		argc--, argv++;
	parse(argc, argv);
	return (check ? check_each : compare_all)(argc - optind, argv + optind);
}
