// libcuda.so.1 for tests: host memory as device memory, kernels = the project's .cu built by g++.
//
// Settings, from the environment or by emu_set: EMU_ASYNC=lazy (nothing runs before a synchronising call), EMU_ORDER=
// forward|reverse|random:SEED (threads of a block), EMU_KERNELS (the g++-built kernels), EMU_LOG (file: every call),
// EMU_MEM_MB (1024), EMU_DEVICES (1), EMU_DRIVER (12060), EMU_CC (80), EMU_INIT (what cuInit
// says, 0), EMU_COUNT (how many devices are counted, EMU_DEVICES).
// For tests: emu_count (calls of a function, by name; of a kernel as "cuLaunchKernel name"), emu_reset, emu_live (objects
// that exist), emu_fail (lets a call fail, or a kernel while it runs as "run name").
#include <condition_variable>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <regex>
#include <set>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <time.h>
#include <vector>
#define API extern "C" __attribute__((visibility("default")))
typedef int R; typedef uint64_t DP;
enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_CONTEXT = 201,
       UNSUPPORTED_PTX = 222, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, LAUNCH_FAILED = 719, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901 };
typedef std::function<R()> Op;
struct Stream { std::deque<Op> q; bool capturing = false, broken = false; std::vector<Op> cap; unsigned flags = 0; };
struct Event { bool recorded = false, done = true; double t = 0; Stream* s = nullptr; };
struct Graph { std::vector<Op> ops; };
typedef int (*LaunchF)(const char*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void**, char*, int);
struct Lib { void* h; LaunchF launch; void (*abort_)(); std::map<std::string, std::pair<std::vector<int>, std::string>> k; size_t staticShared; };
struct Func { Lib* lib; std::string name; std::vector<int> sizes; std::string kinds; int maxDyn = 48 * 1024; };
struct Module { Lib* lib; std::set<std::string> entries; std::vector<Func*> fs; };
struct Alloc { size_t bytes, mapped; char* map; char* data; bool host; };

static std::recursive_mutex& mu = *new std::recursive_mutex;
#define LOCK std::lock_guard<std::recursive_mutex> lock_(mu)
static bool inited = false; static auto& allocs = *new std::map<uintptr_t, Alloc>; static size_t used = 0;
static auto& streams = *new std::set<Stream*>; static Stream& nullStream = *new Stream; static int sticky = 0; static std::string stickyMsg;
static int ctxObj, retained = 0; static thread_local void* cur = nullptr; static thread_local std::vector<void*> ctxStack;
static FILE* logf() { static FILE* f = [] { const char* p = getenv("EMU_LOG"); return p ? fopen(p, "w") : (FILE*)nullptr; }(); return f; }
static auto& counts = *new std::map<std::string, long>;
static std::mutex& lm = *new std::mutex;   // log lock: the device thread writes too while a caller holds mu
struct Fault { long skip; int code; };
static auto& faults = *new std::map<std::string, Fault>; static auto& live = *new std::map<std::string, long>;
static bool lasting(int code) { return code == 214 || (code >= 700 && code < 800 && code != 701) || code == 999; }
static int injected(const std::string& n) { auto it = faults.find(n); if (it == faults.end() || it->second.skip-- > 0) return 0; int code = it->second.code; faults.erase(it); if (lasting(code)) sticky = code; return code; }
static int note(const std::string& n, const std::string& d = "") { std::lock_guard<std::mutex> g(lm); counts[n]++; if (!d.empty()) counts[n + " " + d]++; if (FILE* f = logf()) { fprintf(f, "%s %s\n", n.c_str(), d.c_str()); fflush(f); } int f = injected(n); return f || d.empty() ? f : injected(n + " " + d); }
#define NOTE(...) if (int f_ = note(__VA_ARGS__)) return f_
API void emu_set(const char* n, const char* v) { std::lock_guard<std::mutex> g(lm); if (*v) setenv(n, v, 1); else unsetenv(n); }
API void emu_reset() { std::lock_guard<std::mutex> g(lm); counts.clear(); faults.clear(); }
API void emu_fail(const char* n, long skip, int code) { std::lock_guard<std::mutex> g(lm); faults[n] = { skip, code }; }
API long emu_live(const char* n) { std::lock_guard<std::mutex> g(lm); return live[n]; }
API void emu_object(const char* n, int d) { std::lock_guard<std::mutex> g(lm); live[n] += d; }
static bool lazy() { const char* a = getenv("EMU_ASYNC"); return a && !strcmp(a, "lazy"); }
static size_t total() { const char* m = getenv("EMU_MEM_MB"); return (m ? strtoull(m, 0, 10) : 1024) << 20; }
static int envi(const char* n, int d) { const char* v = getenv(n); return v ? atoi(v) : d; }
#define NEED_INIT if (!inited) return NOT_INITIALIZED
#define NEED_CTX NEED_INIT; if (!cur) return INVALID_CONTEXT; if (sticky) return sticky
static const unsigned char CANARY = 0xa5;

// --- device thread: kernels and copies run on it, never on a Java thread
// leaked on purpose: the device thread outlives the static destructors of process exit
static std::mutex& wm = *new std::mutex; static std::condition_variable& wc = *new std::condition_variable; static std::deque<std::pair<Op*, R*>>& wq = *new std::deque<std::pair<Op*, R*>>; static thread_local bool onDevice = false; static thread_local sigjmp_buf* trap = nullptr;
static struct sigaction oldSegv, oldBus;
static void onSegv(int sig, siginfo_t* si, void* uc) {
    if (trap) siglongjmp(*trap, 1);
    struct sigaction& o = sig == SIGSEGV ? oldSegv : oldBus;
    if (o.sa_flags & SA_SIGINFO) o.sa_sigaction(sig, si, uc); else if (o.sa_handler == SIG_DFL) { signal(sig, SIG_DFL); raise(sig); } else o.sa_handler(sig);
}
static void worker() {
    onDevice = true; static char alt[65536]; stack_t ss{}; ss.ss_sp = alt; ss.ss_size = sizeof alt; sigaltstack(&ss, nullptr);
    std::unique_lock<std::mutex> l(wm);
    for (;;) { wc.wait(l, [] { return !wq.empty(); }); auto j = wq.front(); l.unlock(); R r = (*j.first)(); l.lock(); wq.pop_front(); *j.second = r; wc.notify_all(); }
}
static R runNow(Op op) {
    if (onDevice) return op();
    static std::once_flag once; std::call_once(once, [] {
        struct sigaction sa {}; sa.sa_sigaction = onSegv; sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER; sigaction(SIGSEGV, &sa, &oldSegv); sigaction(SIGBUS, &sa, &oldBus);
        std::thread(worker).detach(); });
    R r = -1; std::unique_lock<std::mutex> l(wm); wq.push_back({&op, &r}); wc.notify_all(); wc.wait(l, [&] { return r != -1; });
    if (r && !sticky) sticky = r;
    return r;
}
static Stream* S(void* s) { return (!s || s == (void*)1 || s == (void*)2) ? &nullStream : (Stream*)s; }
static void drain(Stream* s) { while (!s->q.empty()) { Op o = std::move(s->q.front()); s->q.pop_front(); if (!sticky) runNow(o); } }
static void drainAll() { drain(&nullStream); for (auto* s : streams) drain(s); }
static R enqueue(void* st, Op op) {
    Stream* s = S(st);
    if (s->capturing) { s->cap.push_back(std::move(op)); return OK; }
    if (s == &nullStream) for (auto* o : streams) if (!(o->flags & 1)) drain(o);   // legacy stream waits for blocking streams
    if (s != &nullStream && !(s->flags & 1)) drain(&nullStream);
    s->q.push_back(std::move(op)); if (!lazy()) drain(s);
    return OK;   // like the real driver, a failure of the work itself shows at a later call
}
static bool anyCapture() { for (auto* s : streams) if (s->capturing) return true; return false; }
static R captureBreak() { for (auto* s : streams) if (s->capturing) s->broken = true; return CAPTURE_UNSUPPORTED; }
// bytes left from p to the end of its allocation, 0 if p is in none
static size_t room(const void* p, bool* host = nullptr) {
    auto it = allocs.upper_bound((uintptr_t)p); if (it == allocs.begin()) return 0; --it;
    Alloc& a = it->second; if ((char*)p >= a.data + a.bytes) return 0; if (host) *host = a.host; return a.data + a.bytes - (char*)p;
}
API size_t emu_room(const void* p) { LOCK; return room(p); }
API R emu_enqueue(void* stream, void (*fn)(void*), void* arg, const char* what) { LOCK; NOTE(what); std::string w = what; return enqueue(stream, [fn, arg] { fn(arg); return OK; }); }
API R emu_error(const char* msg) { note("ERROR", msg); fprintf(stderr, "[fake CUDA] %s\n", msg); return OK; }
API int emu_call(const char* n) { return note(n); }
API long emu_count(const char* n) { std::lock_guard<std::mutex> g(lm); auto it = counts.find(n); return it == counts.end() ? 0 : it->second; }
static std::string canaries() {
    for (auto& e : allocs) { Alloc& a = e.second; for (char* p = a.data + a.bytes; p < a.map + a.mapped - 4096; p++) if (*(unsigned char*)p != CANARY) { char b[160];
        snprintf(b, sizeof b, "write at offset %ld past the end of a %zu-byte allocation", (long)(p - a.data - a.bytes), a.bytes); return b; } }
    return "";
}
static R mem(void** out, size_t n, bool host) {
    if (!n) return INVALID_VALUE; if (!host && used + n > total()) return OUT_OF_MEMORY;
    size_t r = (n + 255) & ~(size_t)255, pg = (r + 4095) & ~(size_t)4095, mapped = pg + 8192;
    char* m = (char*)mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); if (m == MAP_FAILED) return OUT_OF_MEMORY;
    mprotect(m, 4096, PROT_NONE); mprotect(m + mapped - 4096, 4096, PROT_NONE);
    char* d = m + mapped - 4096 - r; if (!host) memset(d, 0xff, n);      // fresh device memory reads as NaN
    memset(d + n, CANARY, r - n); allocs[(uintptr_t)d] = { n, mapped, m, d, host }; emu_object(host ? "host" : "device", 1); if (!host) used += n; *out = d; return OK;
}
static R unmem(void* p, bool host) {
    if (!p) return OK; auto it = allocs.find((uintptr_t)p); if (it == allocs.end() || it->second.host != host) return INVALID_VALUE;
    std::string c = canaries(); if (!c.empty()) { emu_error(c.c_str()); sticky = ILLEGAL_ADDRESS; }
    if (!host) used -= it->second.bytes; munmap(it->second.map, it->second.mapped); emu_object(host ? "host" : "device", -1); allocs.erase(it); return OK;
}

API R cuInit(unsigned f) { LOCK; NOTE("cuInit"); if (f) return INVALID_VALUE; if (int c = envi("EMU_INIT", 0)) return c; if (envi("EMU_DEVICES", 1) == 0) return NO_DEVICE; inited = true; return OK; }
API R cuDriverGetVersion(int* v) { *v = envi("EMU_DRIVER", 12060); return OK; }
API R cuDeviceGetCount(int* n) { NEED_INIT; *n = envi("EMU_COUNT", envi("EMU_DEVICES", 1)); return OK; }
API R cuDeviceGet(int* d, int i) { NEED_INIT; if (i < 0 || i >= envi("EMU_DEVICES", 1)) return INVALID_DEVICE; *d = i; return OK; }
API R cuDeviceGetName(char* b, int n, int) { NEED_INIT; snprintf(b, n, "Fake CUDA device (CPU emulation for tests)"); return OK; }
API R cuDeviceTotalMem_v2(size_t* n, int) { NEED_INIT; *n = total(); return OK; }
API R cuDeviceGetAttribute(int* v, int a, int) { NEED_INIT;
    switch (a) { case 1: case 2: case 3: *v = a == 3 ? 64 : 1024; break; case 4: *v = 1024; break; case 5: *v = 2147483647; break; case 6: case 7: *v = 65535; break;
        case 8: *v = 49152; break; case 10: *v = 32; break; case 16: *v = 4; break; case 75: *v = envi("EMU_CC", 80) / 10; break; case 76: *v = envi("EMU_CC", 80) % 10; break; case 97: *v = 101376; break; case 115: *v = 1; break; default: *v = 0; } return OK; }
API R cuDeviceComputeCapability(int* a, int* b, int) { NEED_INIT; *a = envi("EMU_CC", 80) / 10; *b = envi("EMU_CC", 80) % 10; return OK; }
API R cuCtxCreate_v2(void** c, unsigned, int) { NEED_INIT; LOCK; NOTE("cuCtxCreate"); *c = cur = &ctxObj; ctxStack.push_back(cur); return OK; }
API R cuDevicePrimaryCtxRetain(void** c, int) { NEED_INIT; LOCK; NOTE("cuDevicePrimaryCtxRetain"); *c = &ctxObj; if (!retained++) emu_object("context", 1); return OK; }
API R cuDevicePrimaryCtxRelease_v2(int) { NEED_INIT; LOCK; if (!retained) return INVALID_CONTEXT; if (--retained) return OK;
    if (!sticky) drainAll(); else { nullStream.q.clear(); for (auto* s : streams) s->q.clear(); }
    if (!sticky && (!allocs.empty() || !streams.empty() || live["module"])) { note("LEAK"); emu_error("memory, streams or modules still alive when the context goes"); }
    for (auto& a : allocs) { munmap(a.second.map, a.second.mapped); emu_object(a.second.host ? "host" : "device", -1); }
    allocs.clear(); used = 0; for (auto* s : streams) { delete s; emu_object("stream", -1); } streams.clear(); sticky = 0; emu_object("module", -(int)live["module"]); emu_object("context", -1); return OK; }
API R cuCtxSetCurrent(void* c) { NEED_INIT; cur = c; return OK; }
API R cuCtxGetCurrent(void** c) { NEED_INIT; *c = cur; return OK; }
API R cuCtxPushCurrent_v2(void* c) { NEED_INIT; ctxStack.push_back(cur); cur = c; return OK; }
API R cuCtxPopCurrent_v2(void** c) { NEED_INIT; if (c) *c = cur; cur = nullptr; if (!ctxStack.empty()) { cur = ctxStack.back(); ctxStack.pop_back(); } return OK; }
API R cuCtxGetDevice(int* d) { NEED_CTX; *d = 0; return OK; }
API R cuCtxDestroy_v2(void*) { NEED_INIT; LOCK; drainAll(); NOTE("cuCtxDestroy"); size_t dev = 0; for (auto& a : allocs) dev += !a.second.host; if (dev) { char b[80]; snprintf(b, sizeof b, "%zu device allocations still alive at cuCtxDestroy", dev); emu_error(b); } cur = nullptr; sticky = 0; return OK; }
API R cuCtxSynchronize() { NEED_CTX; LOCK; NOTE("cuCtxSynchronize"); if (anyCapture()) return captureBreak(); drainAll(); return sticky; }

API R cuMemAlloc_v2(DP* p, size_t n) { NEED_CTX; LOCK; NOTE("cuMemAlloc", std::to_string(n)); if (anyCapture()) return captureBreak(); void* q = nullptr; R r = mem(&q, n, false); *p = (DP)q; return r; }
API R cuMemFree_v2(DP p) { NEED_CTX; LOCK; NOTE("cuMemFree"); if (anyCapture()) return captureBreak(); drainAll(); return unmem((void*)p, false); }
API R cuMemAllocAsync(DP* p, size_t n, void*) { NEED_CTX; LOCK; NOTE("cuMemAllocAsync"); void* q = nullptr; R r = mem(&q, n, false); *p = (DP)q; return r; }
API R cuMemFreeAsync(DP p, void* s) { NEED_CTX; LOCK; NOTE("cuMemFreeAsync"); return enqueue(s, [p] { return unmem((void*)p, false); }); }
API R cuMemGetInfo_v2(size_t* f, size_t* t) { NEED_CTX; LOCK; NOTE("cuMemGetInfo"); *t = total(); *f = *t > used ? *t - used : 0; return OK; }
API R cuMemAllocHost_v2(void** p, size_t n) { NEED_CTX; LOCK; NOTE("cuMemAllocHost"); return mem(p, n, true); }
API R cuMemHostAlloc(void** p, size_t n, unsigned) { NEED_CTX; LOCK; NOTE("cuMemHostAlloc"); return mem(p, n, true); }
API R cuMemFreeHost(void* p) { NEED_CTX; LOCK; drainAll(); return unmem(p, true); }
API R cuMemHostGetDevicePointer_v2(DP* d, void* p, unsigned) { NEED_CTX; *d = (DP)p; return OK; }
static bool dev(DP p, size_t n) { bool h = false; return room((void*)p, &h) >= n && !h; }
static R copySync(const char* n, void* d, const void* s, size_t b, bool dd, bool sd) {
    NEED_CTX; LOCK; NOTE(n, std::to_string(b)); if (anyCapture()) return captureBreak(); if (!b) return OK;
    if ((dd && !dev((DP)d, b)) || (sd && !dev((DP)s, b))) return INVALID_VALUE;
    enqueue(nullptr, [=] { memmove(d, s, b); return OK; }); drain(&nullStream); return sticky;
}
API R cuMemcpyHtoD_v2(DP d, const void* s, size_t n) { return copySync("cuMemcpyHtoD", (void*)d, s, n, true, false); }
API R cuMemcpyDtoH_v2(void* d, DP s, size_t n) { return copySync("cuMemcpyDtoH", d, (void*)s, n, false, true); }
API R cuMemcpyDtoD_v2(DP d, DP s, size_t n) { return copySync("cuMemcpyDtoD", (void*)d, (void*)s, n, true, true); }
API R cuMemcpyDtoDAsync_v2(DP d, DP s, size_t n, void* st) { NEED_CTX; LOCK; NOTE("cuMemcpyDtoDAsync", std::to_string(n)); if (!dev(d, n) || !dev(s, n)) return INVALID_VALUE; return enqueue(st, [=] { memmove((void*)d, (void*)s, n); return OK; }); }
API R cuMemcpyHtoDAsync_v2(DP d, const void* s, size_t n, void* st) { NEED_CTX; LOCK; if (!dev(d, n)) return INVALID_VALUE; bool h = false;
    if (room(s, &h) >= n && h) { NOTE("cuMemcpyHtoDAsync", std::to_string(n)); return enqueue(st, [=] { memcpy((void*)d, s, n); return OK; }); }
    NOTE("cuMemcpyHtoDAsync-pageable", std::to_string(n)); std::vector<char> snap((const char*)s, (const char*)s + n); return enqueue(st, [=] { memcpy((void*)d, snap.data(), n); return OK; }); }
API R cuMemcpyDtoHAsync_v2(void* d, DP s, size_t n, void* st) { NEED_CTX; LOCK; if (!dev(s, n)) return INVALID_VALUE; bool h = false;
    if (room(d, &h) >= n && h) { NOTE("cuMemcpyDtoHAsync", std::to_string(n)); return enqueue(st, [=] { memcpy(d, (void*)s, n); return OK; }); }
    NOTE("cuMemcpyDtoHAsync-pageable", std::to_string(n)); if (S(st)->capturing) return captureBreak();
    R r = enqueue(st, [=] { memcpy(d, (void*)s, n); return OK; }); drain(S(st)); return r ? r : sticky; }
API R cuMemsetD8_v2(DP d, unsigned char v, size_t n) { NEED_CTX; LOCK; if (!dev(d, n)) return INVALID_VALUE; return enqueue(nullptr, [=] { memset((void*)d, v, n); return OK; }); }
API R cuMemsetD32_v2(DP d, unsigned v, size_t n) { NEED_CTX; LOCK; if (!dev(d, n * 4)) return INVALID_VALUE; return enqueue(nullptr, [=] { for (size_t i = 0; i < n; i++) ((unsigned*)d)[i] = v; return OK; }); }
API R cuMemsetD8Async(DP d, unsigned char v, size_t n, void* s) { NEED_CTX; LOCK; if (!dev(d, n)) return INVALID_VALUE; return enqueue(s, [=] { memset((void*)d, v, n); return OK; }); }
API R cuMemsetD32Async(DP d, unsigned v, size_t n, void* s) { NEED_CTX; LOCK; NOTE("cuMemsetD32Async"); if (!dev(d, n * 4)) return INVALID_VALUE; return enqueue(s, [=] { for (size_t i = 0; i < n; i++) ((unsigned*)d)[i] = v; return OK; }); }

API R cuStreamCreate(void** s, unsigned f) { NEED_CTX; LOCK; NOTE("cuStreamCreate"); auto* p = new Stream; p->flags = f; streams.insert(p); emu_object("stream", 1); *s = p; return OK; }
API R cuStreamDestroy_v2(void* s) { NEED_CTX; LOCK; drain(S(s)); streams.erase((Stream*)s); delete (Stream*)s; emu_object("stream", -1); return OK; }
API R cuStreamSynchronize(void* s) { NEED_CTX; LOCK; NOTE("cuStreamSynchronize"); if (S(s)->capturing) return captureBreak(); drain(S(s)); return sticky; }
API R cuStreamQuery(void* s) { NEED_CTX; LOCK; return S(s)->q.empty() ? OK : NOT_READY; }
static double now() { timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }
API R cuEventCreate(void** e, unsigned) { NEED_CTX; NOTE("cuEventCreate"); *e = new Event; emu_object("event", 1); return OK; }
API R cuEventDestroy_v2(void* e) { NEED_INIT; delete (Event*)e; emu_object("event", -1); return OK; }
API R cuEventRecord(void* e, void* s) { NEED_CTX; LOCK; NOTE("cuEventRecord"); auto* v = (Event*)e; v->recorded = true; v->done = false; v->s = S(s); return enqueue(s, [v] { v->done = true; v->t = now(); return OK; }); }
API R cuEventSynchronize(void* e) { NEED_CTX; LOCK; NOTE("cuEventSynchronize"); auto* v = (Event*)e; while (v->recorded && !v->done && !v->s->q.empty()) { Op o = std::move(v->s->q.front()); v->s->q.pop_front(); runNow(o); } return sticky; }
API R cuEventQuery(void* e) { NEED_CTX; return ((Event*)e)->done ? OK : NOT_READY; }
API R cuEventElapsedTime(float* ms, void* a, void* b) { NEED_CTX; if (!((Event*)a)->done || !((Event*)b)->done) return NOT_READY; *ms = (float)(((Event*)b)->t - ((Event*)a)->t); return OK; }
API R cuStreamWaitEvent(void* s, void* e, unsigned) { NEED_CTX; LOCK; auto* v = (Event*)e; return enqueue(s, [v] { if (v->recorded && !v->done) { while (!v->done && !v->s->q.empty()) { Op o = std::move(v->s->q.front()); v->s->q.pop_front(); o(); } } return OK; }); }
API R cuStreamBeginCapture_v2(void* s, int) { NEED_CTX; LOCK; NOTE("cuStreamBeginCapture"); if (!s) return CAPTURE_UNSUPPORTED; Stream* p = S(s); if (p->capturing) return INVALID_VALUE; p->capturing = true; p->broken = false; p->cap.clear(); return OK; }
API R cuStreamIsCapturing(void* s, int* st) { NEED_CTX; *st = S(s)->capturing ? (S(s)->broken ? 2 : 1) : 0; return OK; }
API R cuStreamEndCapture(void* s, void** g) { NEED_CTX; LOCK; Stream* p = S(s); if (!p->capturing) return INVALID_VALUE; p->capturing = false; if (p->broken) { *g = nullptr; return CAPTURE_INVALIDATED; } auto* gr = new Graph; gr->ops.swap(p->cap); *g = gr; NOTE("cuStreamEndCapture", std::to_string(gr->ops.size())); return OK; }
API R cuGraphInstantiateWithFlags(void** x, void* g, unsigned long long) { NEED_CTX; *x = new Graph(*(Graph*)g); return OK; }
API R cuGraphLaunch(void* x, void* s) { NEED_CTX; LOCK; NOTE("cuGraphLaunch"); for (auto& o : ((Graph*)x)->ops) enqueue(s, o); return OK; }
API R cuGraphUpload(void*, void*) { return OK; }
API R cuGraphDestroy(void* g) { delete (Graph*)g; return OK; }
API R cuGraphExecDestroy(void* g) { delete (Graph*)g; return OK; }

static Lib* openLib(const std::string& so) {
    static std::map<std::string, Lib*> libs; auto it = libs.find(so); if (it != libs.end()) return it->second;
    void* h = dlopen(so.c_str(), RTLD_NOW | RTLD_LOCAL); if (!h) { emu_error(dlerror()); return nullptr; }
    auto* l = new Lib; l->h = h; l->launch = (LaunchF)dlsym(h, "emu_launch"); l->abort_ = (void (*)())dlsym(h, "emu_abort"); l->staticShared = ((size_t(*)())dlsym(h, "emu_static_shared"))();
    auto cnt = (int (*)())dlsym(h, "emu_kernel_count"); auto inf = (int (*)(int, const char**, int*, const int**, const char**))dlsym(h, "emu_kernel_info");
    for (int i = 0; i < cnt(); i++) { const char *n, *kd; int np; const int* sz; inf(i, &n, &np, &sz, &kd); l->k[n] = { std::vector<int>(sz, sz + np), std::string(kd, np) }; }
    return libs[so] = l;
}
// PTX: .visible .entry NAME( .param .u64 [.ptr ...] P, .param .align 8 .b8 P[16] )
static bool checkPtx(const std::string& t, Lib* l, std::set<std::string>& entries) {
    std::regex en("\\.entry\\s+([A-Za-z_$0-9]+)\\s*\\(([^)]*)\\)"), pa("\\.param\\s+(?:\\.align\\s+\\d+\\s+)?\\.([a-z]+)(\\d+)\\s+[^,\\[]*(?:\\[(\\d+)\\])?"); bool ok = true;
    for (std::sregex_iterator i(t.begin(), t.end(), en), e; i != e; ++i) {
        std::string name = (*i)[1], ps = (*i)[2]; std::vector<int> sz; entries.insert(name);
        for (std::sregex_iterator j(ps.begin(), ps.end(), pa); j != e; ++j) sz.push_back(std::stoi((*j)[2]) / 8 * ((*j)[3].length() ? std::stoi((*j)[3]) : 1));
        auto k = l->k.find(name);
        if (k == l->k.end()) { emu_error(("PTX entry " + name + " has no CPU-built kernel").c_str()); ok = false; }
        else if (k->second.first != sz) { emu_error(("PTX entry " + name + " has other parameters than the CPU-built kernel").c_str()); ok = false; }
    }
    return ok;
}
API R cuModuleLoadData(void** m, const void* image) { NEED_CTX; LOCK; const char* c = (const char*)image; Lib* l; auto* mod = new Module;
    if (!memcmp(c, "\x7f" "ELF", 4)) { NOTE("cuModuleLoadData", "cubin"); const char* so = getenv("EMU_KERNELS"); if (!so || !(l = openLib(so))) return INVALID_IMAGE;
        size_t n = *(uint64_t*)(c + 40) + (size_t)*(uint16_t*)(c + 58) * *(uint16_t*)(c + 60);   // section headers end the file, or nearly
        for (auto& k : l->k) { std::string s = ".text." + k.first; s.push_back('\0'); if (memmem(c, n, s.data(), s.size())) mod->entries.insert(k.first); } }
    else { std::string t(c); size_t p = t.find("//EMU-SO ");
        if (p == 0) { NOTE("cuModuleLoadData", "emulated NVRTC image"); if (!(l = openLib(t.substr(9, t.find('\n') - 9)))) return INVALID_IMAGE; for (auto& k : l->k) mod->entries.insert(k.first); }
        else { std::smatch v; if (!std::regex_search(t, v, std::regex("\\.version\\s+(\\d+)\\.(\\d+)"))) return INVALID_IMAGE;
            int ver = std::stoi(v[1]) * 10 + std::stoi(v[2]), drv = envi("EMU_DRIVER", 12060), max = drv >= 13000 ? 90 + (drv % 1000) / 10 : drv >= 12000 ? 80 + (drv % 1000) / 10 - ((drv % 1000) / 10 > 5 ? 1 : 0) : 78;
            NOTE("cuModuleLoadData", "PTX " + v.str()); if (ver > max) return UNSUPPORTED_PTX;
            const char* so = getenv("EMU_KERNELS"); if (!so || !(l = openLib(so))) return INVALID_IMAGE; if (!checkPtx(t, l, mod->entries)) return INVALID_IMAGE; } }
    mod->lib = l; *m = mod; emu_object("module", 1); return OK; }
API R cuModuleLoadDataEx(void** m, const void* image, unsigned, void*, void*) { return cuModuleLoadData(m, image); }
API R cuModuleUnload(void* m) { NEED_CTX; LOCK; drainAll(); (void)m; emu_object("module", -1); return OK; }
API R cuModuleGetFunction(void** f, void* m, const char* n) { NEED_CTX; LOCK; NOTE("cuModuleGetFunction", n); auto* mod = (Module*)m; if (!mod->entries.count(n) || !mod->lib->k.count(n)) return NOT_FOUND; auto& k = mod->lib->k[n]; *f = new Func{ mod->lib, n, k.first, k.second }; return OK; }
API R cuFuncSetAttribute(void* f, int a, int v) { NEED_CTX; if (a == 8) { if (v > 101376) return INVALID_VALUE; ((Func*)f)->maxDyn = v; } return OK; }
API R cuFuncGetAttribute(int* v, int a, void* f) { NEED_CTX; *v = a == 0 ? 1024 : a == 1 ? (int)((Func*)f)->lib->staticShared : a == 8 ? ((Func*)f)->maxDyn : 0; return OK; }
API R cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned sh, void* stream, void** params, void** extra) {
    NEED_CTX; LOCK; if (!f) return INVALID_HANDLE; auto* fn = (Func*)f; NOTE("cuLaunchKernel", fn->name);
    if (!gx || !gy || !gz || !bx || !by || !bz || gy > 65535 || gz > 65535 || gx > 2147483647u || bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024 || (int)sh > fn->maxDyn) return INVALID_VALUE;
    if (extra || (!params && !fn->sizes.empty())) return INVALID_VALUE;
    std::vector<std::vector<char>> a; for (size_t i = 0; i < fn->sizes.size(); i++) a.emplace_back((char*)params[i], (char*)params[i] + fn->sizes[i]);   // arguments are copied at launch
    if (fn->name == "attention" && *(void**)a[8].data()) note("attention cells");   // scores that shared memory has no room for
    return enqueue(stream, [=]() mutable -> R {
        { std::lock_guard<std::mutex> g(lm); if (int f = injected("run " + fn->name)) return f; }
        std::vector<void*> p; for (size_t i = 0; i < a.size(); i++) { p.push_back(a[i].data());
            if (fn->kinds[i] == 'p') { void* v = *(void**)a[i].data(); if (v && !room(v)) { emu_error(("kernel " + fn->name + ": argument " + std::to_string(i) + " is not device memory").c_str()); return ILLEGAL_ADDRESS; } } }
        char err[300] = ""; sigjmp_buf jb; 
        if (sigsetjmp(jb, 1)) { trap = nullptr; fn->lib->abort_(); emu_error(("kernel " + fn->name + ": illegal address").c_str()); return ILLEGAL_ADDRESS; }
        trap = &jb; int rc = fn->lib->launch(fn->name.c_str(), gx, gy, gz, bx, by, bz, sh, p.data(), err, sizeof err); trap = nullptr;
        if (rc) { emu_error(err); return LAUNCH_FAILED; }
        std::string c = canaries(); if (!c.empty()) { emu_error(("kernel " + fn->name + ": " + c).c_str()); return ILLEGAL_ADDRESS; }
        return OK; });
}
// NVRTC 12.9 opens libcuda.so.1 by itself and calls this without looking whether it exists.
API R cuGetExportTable(const void** t, const void*) { if (t) *t = nullptr; return NOT_FOUND; }
API R cuGetErrorName(R r, const char** s) { static thread_local char b[40]; snprintf(b, sizeof b, "CUDA_ERROR_%d", r); *s = b; return OK; }
API R cuGetErrorString(R r, const char** s) { return cuGetErrorName(r, s); }
