// The kernels of the CUDA backend: one source for nvcc (whose PTX is checked in) and for g++ (the tests' emulation).
//
// Rules that keep it portable: no #include, no INFINITY or NAN, extern "C" kernels with their heads on one line,
// dynamic shared memory through DYN_SHARED, blocks of a multiple of 32 threads, full warps at warp operations, no
// return in front of a barrier. Compiled without fusing of multiplications and additions (-fmad=false): what is to be
// fused says fmaf, so that the emulation computes what a GPU computes, but for the last bit of exp and cos.
//
// Views of rows are (pointer, stride): element (r, c) is at r * stride + c. A buffer has fewer than 2^31 floats.
#ifndef CUDA_EMU
#define DYN_SHARED(T, name) extern __shared__ T name[]
#endif
#define FULL 0xffffffffu
#define NEG_INF __int_as_float(0xff800000)

__device__ static float warp_sum(float v) {
    for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(FULL, v, o);
    return v;
}

__device__ static double warp_sum_double(double v) {
    for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(FULL, v, o);
    return v;
}

// The larger one; NaN wins, so that it cannot get lost.
__device__ static float larger(float a, float b) { return b > a || b != b ? b : a; }

__device__ static float warp_max(float v) {
    for (int o = 16; o > 0; o >>= 1) v = larger(v, __shfl_xor_sync(FULL, v, o));
    return v;
}

// Reductions over a block: red holds 32 values of shared memory, all threads get the result.
__device__ static float block_sum(float v, float* red) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    v = warp_sum(v);
    __syncthreads();  // red may still be read by an earlier reduction
    if (lane == 0) red[warp] = v;
    __syncthreads();
    return warp_sum(lane < warps ? red[lane] : 0.f);
}

__device__ static double block_sum_double(double v, double* red) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    v = warp_sum_double(v);
    __syncthreads();
    if (lane == 0) red[warp] = v;
    __syncthreads();
    return warp_sum_double(lane < warps ? red[lane] : 0.0);
}

__device__ static float block_max(float v, float* red) {
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    v = warp_max(v);
    __syncthreads();
    if (lane == 0) red[warp] = v;
    __syncthreads();
    return warp_max(lane < warps ? red[lane] : NEG_INF);
}

__device__ static float bfloat16(unsigned short bits) { return __int_as_float((int)bits << 16); }

// ---- rows

// out[r] = column ids[r] of the table, whose element (i, id) is at i * in_stride + id * out_stride.
extern "C" __global__ void embed(const void* table, int half, long long in_stride, long long out_stride, const int* ids, float* out, int stride, int width) {
    long long from = ids[blockIdx.x] * out_stride;
    float* to = out + (long long)blockIdx.x * stride;
    for (int i = threadIdx.x; i < width; i += blockDim.x) {
        long long at = from + i * in_stride;
        to[i] = half ? bfloat16(((const unsigned short*)table)[at]) : ((const float*)table)[at];
    }
}

__device__ static float row_mean(int layer, const float* x, int n, float* red) {
    if (!layer) return 0.f;
    float sum = 0.f;
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[i];
    return block_sum(sum, red) / n;
}

__device__ static float row_scale(const float* x, float mean, int n, float eps, float* red) {
    float squares = 0.f;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        float centred = x[i] - mean;
        squares += centred * centred;
    }
    return sqrtf(block_sum(squares, red) / n + eps);
}

extern "C" __global__ void norm_scale(int layer, const float* x, int x_stride, int n, float eps, float* out, int out_stride) {
    __shared__ float red[32];
    const float* row = x + (long long)blockIdx.x * x_stride;
    float scale = row_scale(row, row_mean(layer, row, n, red), n, eps, red);
    if (threadIdx.x == 0) out[(long long)blockIdx.x * out_stride] = scale;
}

extern "C" __global__ void normalize(int layer, const float* x, int x_stride, int n, const float* scale, int scale_stride, float* out, int out_stride) {
    __shared__ float red[32];
    const float* row = x + (long long)blockIdx.x * x_stride;
    float* to = out + (long long)blockIdx.x * out_stride;
    float divisor = scale[(long long)blockIdx.x * scale_stride];
    float mean = row_mean(layer, row, n, red);
    for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = (row[i] - mean) / divisor;
}

__device__ static float affine_value(float x, int i, const float* gain, const float* bias) {
    float product = x * gain[i];
    return bias ? product + bias[i] : product;
}

// norm_scale, normalize and affine in one, with the same roundings.
extern "C" __global__ void norm_rows(int layer, const float* x, int x_stride, int n, float eps, const float* gain, const float* bias, float* out, int out_stride) {
    __shared__ float red[32];
    const float* row = x + (long long)blockIdx.x * x_stride;
    float* to = out + (long long)blockIdx.x * out_stride;
    float mean = row_mean(layer, row, n, red);
    float scale = row_scale(row, mean, n, eps, red);
    for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = affine_value((row[i] - mean) / scale, i, gain, bias);
}

// The pairs (i, i + pairs) of each head turned by the angle of the row's position, which is computed in double.
extern "C" __global__ void rotate(const float* x, int x_stride, int heads, int head_dim, const double* frequencies, int pairs, const int* positions, float* out, int out_stride) {
    DYN_SHARED(float, angles);  // cosines, then sines
    const float* from = x + (long long)blockIdx.x * x_stride;
    float* to = out + (long long)blockIdx.x * out_stride;
    for (int i = threadIdx.x; i < pairs; i += blockDim.x) {
        double angle = positions[blockIdx.x] * frequencies[i];
        angles[i] = (float)cos(angle);
        angles[pairs + i] = (float)sin(angle);
    }
    __syncthreads();
    for (int j = threadIdx.x; j < heads * pairs; j += blockDim.x) {
        int i = j % pairs, at = j / pairs * head_dim + i;
        float a = from[at], b = from[at + pairs], c = angles[i], s = angles[pairs + i];
        to[at] = a * c - b * s;
        to[at + pairs] = b * c + a * s;
    }
    int rest = head_dim - 2 * pairs;
    for (int j = threadIdx.x; j < heads * rest; j += blockDim.x) {
        int at = j / rest * head_dim + 2 * pairs + j % rest;
        to[at] = from[at];
    }
}

// ---- elements, one thread each: rows * columns of them

#define ELEMENT(columns)                                     \
    unsigned e = blockIdx.x * blockDim.x + threadIdx.x;      \
    if (e >= count) return;                                  \
    long long r = e / (unsigned)(columns), c = e % (unsigned)(columns);

extern "C" __global__ void affine(const float* x, int x_stride, unsigned count, int columns, const float* gain, const float* bias, float* out, int out_stride) {
    ELEMENT(columns)
    out[r * out_stride + c] = affine_value(x[r * x_stride + c], (int)c, gain, bias);
}

extern "C" __global__ void add_bias(float* x, int stride, unsigned count, int columns, const float* bias) {
    ELEMENT(columns)
    x[r * stride + c] += bias[c];
}

// Heads side by side in a row, added in order.
extern "C" __global__ void sum_heads(const float* x, int x_stride, int heads, unsigned count, int columns, const float* bias, float* out, int out_stride) {
    ELEMENT(columns)
    float sum = 0.f;
    for (int h = 0; h < heads; h++) sum += x[r * x_stride + (long long)h * columns + c];
    out[r * out_stride + c] = bias ? sum + bias[c] : sum;
}

extern "C" __global__ void gelu(const float* x, int x_stride, unsigned count, int columns, float* out, int out_stride) {
    ELEMENT(columns)
    float v = x[r * x_stride + c];
    out[r * out_stride + c] = v / (1.f + expf(-1.5957691216057308f * (v + 0.044715f * v * v * v)));
}

extern "C" __global__ void silu_times(const float* gate, int gate_stride, const float* up, int up_stride, unsigned count, int columns, float* out, int out_stride) {
    ELEMENT(columns)
    float v = gate[r * gate_stride + c];
    out[r * out_stride + c] = v / (1.f + expf(-v)) * up[r * up_stride + c];
}

extern "C" __global__ void add(const float* a, int a_stride, const float* b, int b_stride, unsigned count, int columns, float* out, int out_stride) {
    ELEMENT(columns)
    out[r * out_stride + c] = a[r * a_stride + c] + b[r * b_stride + c];
}

// out[r] = x[rows[r]], or x[r] where there are no rows, as often side by side as the columns of out have room.
extern "C" __global__ void copy_rows(const float* x, int x_stride, int x_columns, const int* rows, unsigned count, int columns, float* out, int out_stride) {
    ELEMENT(columns)
    out[r * out_stride + c] = x[(rows ? rows[r] : r) * x_stride + c % x_columns];
}

// Rounded to the nearest bfloat16, ties to even; the operand of a product in bfloat16.
extern "C" __global__ void to_bfloat16(const float* x, int x_stride, unsigned count, int columns, unsigned short* out) {
    ELEMENT(columns)
    float v = x[r * x_stride + c];
    unsigned bits = (unsigned)__float_as_int(v);
    out[e] = (unsigned short)(v != v ? 0x7fc0u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// ---- attention

// What a launch computes. Of each span of rows: its first block in the grid, its first row, how many keys that row sees,
// its first part. Of each part of a view: rows of keys and values, which are the view's entries from .. to.
struct Spans {
    int count;
    int first_block[32], first_row[32], visible[32], first_part[32];
    const float *keys[64], *values[64];
    int from[64], to[64];
};

// Which row a block computes, and what it sees.
struct Task {
    int row, visible, first_part, kv_at, kv_width;
};

__device__ static Task find_task(const Spans& spans, int block, int head, int heads, int kv_heads, int head_dim) {
    int s = spans.count - 1;
    while (s > 0 && block < spans.first_block[s]) s--;
    int i = block - spans.first_block[s];
    Task task;
    task.row = spans.first_row[s] + i;
    task.visible = spans.visible[s] + i;
    task.first_part = spans.first_part[s];
    task.kv_at = head * kv_heads / heads * head_dim;
    task.kv_width = kv_heads * head_dim;
    return task;
}

__device__ static void load_query(const float* q, int head_dim, float* query) {
    for (int d = threadIdx.x; d < head_dim; d += blockDim.x) query[d] = q[d];
    __syncthreads();
}

__device__ static void row_scores(const float* query, const Spans& spans, const Task& task, int head_dim, float scale, float* cells) {
    int p = task.first_part;
    for (int k = threadIdx.x; k < task.visible; k += blockDim.x) {
        while (k >= spans.to[p]) p++;
        const float* key = spans.keys[p] + (long long)(k - spans.from[p]) * task.kv_width + task.kv_at;
        float sum = 0.f;
        for (int d = 0; d < head_dim; d++) sum = fmaf(query[d], key[d], sum);
        cells[k] = sum * scale;
    }
}

// A row that is minus infinity throughout becomes zeros. in may be out.
__device__ static void row_softmax(const float* in, float* out, int visible, int keys, float* red) {
    float max = NEG_INF;
    for (int k = threadIdx.x; k < visible; k += blockDim.x) max = larger(max, in[k]);
    max = block_max(max, red);
    bool none = max == NEG_INF;
    float sum = 0.f;
    for (int k = threadIdx.x; k < visible; k += blockDim.x) {
        float e = none ? 0.f : expf(in[k] - max);
        out[k] = e;
        sum += e;
    }
    sum = block_sum(sum, red);
    for (int k = threadIdx.x; k < keys; k += blockDim.x) out[k] = none || k >= visible ? 0.f : out[k] / sum;
}

// Groups of threads take every groups-th key each; partial holds a value for each thread.
__device__ static void row_mix(const float* cells, const Spans& spans, const Task& task, int head_dim, float* partial, float* z) {
    int threads = blockDim.x;
    int lanes = head_dim < threads ? (head_dim + 31) / 32 * 32 : threads;
    int groups = threads / lanes, group = threadIdx.x / lanes, lane = threadIdx.x % lanes;
    for (int first = 0; first < head_dim; first += lanes) {
        int d = first + lane;
        float sum = 0.f;
        if (group < groups && d < head_dim) {
            int p = task.first_part;
            for (int k = group; k < task.visible; k += groups) {
                while (k >= spans.to[p]) p++;
                long long entry = k - spans.from[p];
                sum = fmaf(cells[k], spans.values[p][entry * task.kv_width + task.kv_at + d], sum);
            }
        }
        partial[threadIdx.x] = sum;
        __syncthreads();
        if (group == 0 && d < head_dim) {
            for (int g = 1; g < groups; g++) sum += partial[g * lanes + lane];
            z[d] = sum;
        }
        __syncthreads();
    }
}

// One block for each row and head. The cells of a row are in shared memory, or in cells where that is too small.
extern "C" __global__ void attention(const float* q, int q_stride, float* z, int z_stride, int heads, int kv_heads, int head_dim, float scale, float* cells, int cells_stride, const __grid_constant__ Spans spans) {
    DYN_SHARED(float, shared);  // reduction, partial sums, query, cells
    float *red = shared, *partial = red + 32, *query = partial + blockDim.x;
    Task task = find_task(spans, blockIdx.x, blockIdx.y, heads, kv_heads, head_dim);
    float* own = cells ? cells + ((long long)blockIdx.x * heads + blockIdx.y) * cells_stride : query + head_dim;
    load_query(q + (long long)task.row * q_stride + blockIdx.y * head_dim, head_dim, query);
    row_scores(query, spans, task, head_dim, scale, own);
    row_softmax(own, own, task.visible, task.visible, red);
    __syncthreads();
    row_mix(own, spans, task, head_dim, partial, z + (long long)task.row * z_stride + blockIdx.y * head_dim);
}

// The cells of one span, [heads, rows, keys], minus infinity where the key lies behind the query.
extern "C" __global__ void scores(const float* q, int q_stride, int heads, int kv_heads, int head_dim, float scale, float* out, int keys, const __grid_constant__ Spans spans) {
    DYN_SHARED(float, query);
    Task task = find_task(spans, blockIdx.x, blockIdx.y, heads, kv_heads, head_dim);
    float* cells = out + ((long long)blockIdx.y * gridDim.x + blockIdx.x) * keys;
    load_query(q + (long long)task.row * q_stride + blockIdx.y * head_dim, head_dim, query);
    row_scores(query, spans, task, head_dim, scale, cells);
    for (int k = task.visible + threadIdx.x; k < keys; k += blockDim.x) cells[k] = NEG_INF;
}

extern "C" __global__ void softmax(const float* in, int first_visible, int keys, float* out) {
    __shared__ float red[32];
    long long at = ((long long)blockIdx.y * gridDim.x + blockIdx.x) * keys;
    row_softmax(in + at, out + at, first_visible + blockIdx.x, keys, red);
}

extern "C" __global__ void mix(const float* pattern, int keys, int heads, int kv_heads, int head_dim, float* z, int z_stride, const __grid_constant__ Spans spans) {
    DYN_SHARED(float, partial);
    Task task = find_task(spans, blockIdx.x, blockIdx.y, heads, kv_heads, head_dim);
    const float* cells = pattern + ((long long)blockIdx.y * gridDim.x + blockIdx.x) * keys;
    row_mix(cells, spans, task, head_dim, partial, z + (long long)task.row * z_stride + blockIdx.y * head_dim);
}

extern "C" __global__ void store(const float* keys, int key_stride, const float* values, int value_stride, unsigned count, int columns, float* to_keys, float* to_values) {
    ELEMENT(columns)
    to_keys[e] = keys[r * key_stride + c];
    to_values[e] = values[r * value_stride + c];
}

// ---- edits: one block for each selected row and head

// Where the cells of an edit lie. lists holds the selected rows, their places in the edit's values, how many cells of
// each exist, the selected heads, and the selected cells where not all are.
struct Selection {
    const int* lists;
    int rows, heads, cells, width;  // cells: how many are selected, or -1 for all of the width
    int row_stride, head_stride, place_stride, value_head_stride;
};

struct Cells {
    int row, count, visible;
    long long at, value_at;
    const int* chosen;
};

__device__ static Cells find_cells(const Selection& s, int r, int h) {
    Cells cells;
    int head = s.lists[3 * s.rows + h];
    cells.row = s.lists[r];
    cells.visible = s.lists[2 * s.rows + r];
    cells.chosen = s.cells < 0 ? 0 : s.lists + 3 * s.rows + s.heads;
    cells.count = s.cells < 0 ? cells.visible : s.cells;
    cells.at = (long long)cells.row * s.row_stride + (long long)head * s.head_stride;
    cells.value_at = (long long)s.lists[s.rows + r] * s.place_stride + (long long)h * s.value_head_stride;
    return cells;
}

__device__ static bool is_finite(float x) { return fabsf(x) <= 3.402823466e38f; }

// Whether an edit put NaN or infinity where it may not.
__device__ static bool breaks(float was, float now, int scores) {
    if (is_finite(now)) return false;
    return scores && was == NEG_INF ? now != NEG_INF : is_finite(was);
}

// Keeps the first forbidden value of all blocks: row and head, what was written, what was there.
__device__ static void report(int cell, float was, float now, int heads, int* first, unsigned long long* violation) {
    if (cell < 0x7fffffff) atomicMin(first, cell);
    __syncthreads();
    if (cell < 0x7fffffff && cell == *first) {
        unsigned long long place = (unsigned long long)blockIdx.x * heads + blockIdx.y;
        unsigned long long kind = now != now ? 0 : now > 0.f ? 1 : 2;
        atomicMin(violation, place << 34 | kind << 32 | (unsigned)__float_as_int(was));
    }
}

// kind: 0 the value, 1 added, 2 times number, 3 number, 4 interpolated by number.
__device__ static float edited(int kind, float x, float value, float number, int scores) {
    if (kind == 0) return value;
    if (kind == 1) return value == 0.f ? x : x + value;
    if (kind == 2) return scores && x == NEG_INF ? x : x * number;
    if (kind == 3) return number;
    return x == value ? x : number == 1.f ? value : (1.f - number) * x + number * value;
}

extern "C" __global__ void edit_cells(float* x, const float* values, int kind, float number, int scores, unsigned long long* violation, const __grid_constant__ Selection selection) {
    __shared__ int first;
    Cells cells = find_cells(selection, blockIdx.x, blockIdx.y);
    int worst = 0x7fffffff;
    float worst_was = 0.f, worst_now = 0.f;
    if (threadIdx.x == 0) first = 0x7fffffff;
    __syncthreads();
    for (int i = threadIdx.x; i < cells.count; i += blockDim.x) {
        int cell = cells.chosen ? cells.chosen[i] : i;
        if (cell >= cells.visible) continue;
        float was = x[cells.at + cell];
        float now = edited(kind, was, values ? values[cells.value_at + i] : 0.f, number, scores);
        x[cells.at + cell] = now;
        if (worst == 0x7fffffff && breaks(was, now, scores)) {
            worst = i;
            worst_was = was;
            worst_now = now;
        }
    }
    if (violation) report(worst, worst_was, worst_now, selection.heads, &first, violation);
}

// x - (x . u) u in double, u the vector divided by its norm; a product of zero changes no bit.
extern "C" __global__ void project_out(float* x, const float* vector, int scores, unsigned long long* violation, const __grid_constant__ Selection selection) {
    __shared__ double red[32];
    __shared__ int first;
    Cells cells = find_cells(selection, blockIdx.x, blockIdx.y);
    float* own = x + cells.at;
    int worst = 0x7fffffff;
    float worst_was = 0.f, worst_now = 0.f;
    double squares = 0.0, dot = 0.0;
    for (int i = threadIdx.x; i < selection.width; i += blockDim.x) squares += (double)vector[i] * vector[i];
    double length = sqrt(block_sum_double(squares, red));
    for (int i = threadIdx.x; i < cells.count; i += blockDim.x) dot += own[i] * (vector[i] / length);
    dot = block_sum_double(dot, red);
    if (threadIdx.x == 0) first = 0x7fffffff;
    __syncthreads();
    for (int i = threadIdx.x; i < cells.count; i += blockDim.x) {
        float was = own[i], now = dot == 0.0 ? was : (float)(was - dot * (vector[i] / length));
        own[i] = now;
        if (worst == 0x7fffffff && breaks(was, now, scores)) {
            worst = i;
            worst_was = was;
            worst_now = now;
        }
    }
    if (violation) report(worst, worst_was, worst_now, selection.heads, &first, violation);
}
