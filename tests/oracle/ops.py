"""Golden cases of the ops: PyTorch in double precision, from inputs that are exact in float32.

    python tests/oracle/ops.py [op ...]        writes tests/golden/ops/<op>.h5

A case is the text the C harness reads (tests/kernels/cases_<op>.c); a buffer is written flat under the
name it has there. What a gradient sum or a running statistic ends with is <name>_after.
"""

import itertools
import pathlib
import sys

import h5py
import numpy as np
import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "ops"
OPS = {}


def op(function):
    """Registers a generator of (params text, {buffer: array or tensor})."""
    OPS[function.__name__] = function
    return function


def normal(generator, *shape):
    """A double tensor whose values are exact in float32."""
    return torch.randn(*shape, generator=generator, dtype=torch.float32).double()


def backward(outputs, gradients, inputs):
    """The gradients of `inputs` when `gradients` come in at `outputs`."""
    return torch.autograd.grad(outputs, inputs, gradients)


@op
def layernorm(g):
    for N, D, with_residual in ((3, 8, False), (7, 33, True)):
        x, w, b = normal(g, N, D), normal(g, D), normal(g, D)
        dy, dw, db = normal(g, N, D), normal(g, D), normal(g, D)
        residual = normal(g, N, D)
        for t in (x, w, b):
            t.requires_grad_()
        s = x + residual if with_residual else x
        y = torch.nn.functional.layer_norm(s, (D,), w, b, 1e-5)
        gx, gw, gb = backward(y, dy, (x, w, b))
        mean = s.mean(1)
        rstd = 1 / torch.sqrt(s.var(1, unbiased=False) + np.float32(1e-5))
        buffers = dict(x=x, w=w, b=b, dy=dy, dw=dw, db=db, y=y, mean=mean, rstd=rstd, dx=gx,
                       dw_after=dw + gw, db_after=db + gb)
        if with_residual:
            buffers.update(residual=residual, sum=s, dresidual=gx)
        yield f"N={N} D={D} residual={int(with_residual)}", buffers


def nhwc(x):
    """From PyTorch's (N, C, H, W)."""
    return x.permute(0, 2, 3, 1).contiguous()


def nchw(x):
    return x.permute(0, 3, 1, 2)


@op
def conv2d(g):
    for N, H, W, C, K, size in ((2, 3, 5, 1, 8, 3), (2, 4, 7, 11, 9, 3), (1, 2, 3, 9, 10, 3), (3, 1, 2, 7, 10, 1)):
        x, w, b = normal(g, N, H, W, C), normal(g, K, size, size, C), normal(g, K)
        dy, dw, db = normal(g, N, H, W, K), normal(g, K, size, size, C), normal(g, K)
        for t in (x, w, b):
            t.requires_grad_()
        y = nhwc(torch.nn.functional.conv2d(nchw(x), nchw(w), b, padding=size // 2))
        gx, gw, gb = backward(y, dy, (x, w, b))
        yield f"N={N} H={H} W={W} C={C} K={K} kernel_size={size}", dict(
            x=x, w=w, b=b, dy=dy, dw=dw, db=db, y=y, dx=gx, dw_after=dw + gw, db_after=db + gb)
@op
def linear(g):
    activations = {"none": lambda t: t, "relu": torch.relu, "gelu": torch.nn.functional.gelu}
    for activation, (N, D, K) in zip(activations, ((3, 5, 7), (9, 17, 6), (6, 20, 11))):
        x, w, b = normal(g, N, D), normal(g, K, D), normal(g, K)
        dy, dw, db = normal(g, N, K), normal(g, K, D), normal(g, K)
        for t in (x, w, b):
            t.requires_grad_()
        pre = torch.nn.functional.linear(x, w, b)
        y = activations[activation](pre)
        gx, gw, gb = backward(y, dy, (x, w, b))
        buffers = dict(x=x, w=w, b=b, y=y, dy=dy, dw=dw, db=db, dx=gx, dw_after=dw + gw, db_after=db + gb)
        if activation != "none":
            buffers.update(pre=pre)
        yield f"N={N} D={D} K={K} {activation}=1", buffers


def pooled(x, pool):
    """Max pooling of x (N, C, H, W): y (N, H', W', C), and which element of its window, row by row, each came from."""
    y, indices = torch.nn.functional.max_pool2d(x, pool, return_indices=True)
    i, j = indices // x.shape[3] % pool[0], indices % x.shape[3] % pool[1]
    return nhwc(y), nhwc(i * pool[1] + j).to(torch.uint8)


def batchnorm(g, shape, training, relu, residual, pool):
    """One case of batch normalisation in PyTorch; `shape` is (N, H, W, C) or (N, C)."""
    C, F = shape[-1], torch.nn.functional
    x, w, b, r = normal(g, *shape), normal(g, C), normal(g, C), normal(g, *shape)
    running_mean, running_var = normal(g, C), (0.5 + normal(g, C) ** 2).float().double()
    buffers = dict(x=x, w=w, b=b, running_mean=running_mean.clone(), running_var=running_var.clone())
    if residual:
        buffers["residual"] = r
    for t in (x, w, b, r):
        t.requires_grad_()
    epsilon, momentum = float(np.float32(1e-5)), float(np.float32(0.1))
    flat = x.reshape(-1, C)
    mean = flat.mean(0) if training else running_mean.clone()
    var = flat.var(0, unbiased=False) if training else running_var.clone()
    v = F.batch_norm(nchw(x) if len(shape) == 4 else x, running_mean, running_var, w, b, bool(training), momentum,
                     epsilon)
    if residual:
        v = v + nchw(r)
    if relu:
        v = torch.relu(v)
    y, argmax = pooled(v, pool) if len(shape) == 4 else (v, None)
    if pool and max(pool) > 1:
        buffers["argmax"] = argmax
    dy, dw, db = normal(g, *y.shape), normal(g, C), normal(g, C)
    gradients = backward(y, dy, (x, w, b) + ((r,) if residual else ()))
    gx, gw, gb = gradients[:3]
    if residual:
        buffers["dresidual"] = gradients[3]
    buffers.update(dy=dy, dw=dw, db=db, y=y, mean=mean, rstd=1 / torch.sqrt(var + epsilon), dx=gx, dw_after=dw + gw,
                   db_after=db + gb, running_mean_after=running_mean, running_var_after=running_var)
    return buffers


def part_of_batch(g, shape, samples, relu, pool):
    """As batchnorm, of the second part of a batch that lies in parts of so many samples, when a gradient comes in at
    that part alone: its way through the moments of all parts, and past them."""
    N, H, W, C = shape
    batch, w, b = normal(g, sum(samples), H, W, C), normal(g, C), normal(g, C)
    parts = [part.reshape(-1, C) for part in batch.split(samples)]

    def stacked(rows):  # exact in float32; an empty part has no mean
        return torch.nan_to_num(torch.stack(rows)).float().double().requires_grad_()

    means = stacked([part.mean(0) for part in parts])
    squares = stacked([((part - part.mean(0)) ** 2).sum(0) for part in parts])
    x = batch.split(samples)[1].contiguous()
    for t in (x, w, b):
        t.requires_grad_()
    running_mean, running_var = normal(g, C), (0.5 + normal(g, C) ** 2).float().double()
    epsilon, momentum = float(np.float32(1e-5)), float(np.float32(0.1))
    counts = torch.tensor(samples).double()[:, None]
    n, pixels = counts * H * W, sum(samples) * H * W
    mean = (n * means).sum(0) / pixels
    total = (squares + n * (means - mean) ** 2).sum(0)
    v = nchw((x - mean) / torch.sqrt(total / pixels + epsilon) * w + b)
    whole = torch.nn.functional.batch_norm(nchw(batch), None, None, w, b, True, momentum, epsilon)
    assert torch.allclose(v, whole[samples[0]:samples[0] + N], atol=1e-5)  # but for moments in float32
    y, argmax = pooled(torch.relu(v) if relu else v, pool)
    dy, dw, db = normal(g, *y.shape), normal(g, C), normal(g, C)
    gx, gw, gb, gmeans, gsquares = backward(y, dy, (x, w, b, means, squares))
    buffers = dict(x=x, w=w, b=b, running_mean=running_mean.clone(), running_var=running_var.clone(), dy=dy, dw=dw,
                   db=db, moments=torch.cat((means, squares, counts), 1), y=y, mean=mean,
                   rstd=1 / torch.sqrt(total / pixels + epsilon), dx=gx, dw_after=dw + gw, db_after=db + gb,
                   dmoments=torch.cat((gmeans, gsquares, 0 * counts), 1),
                   running_mean_after=(1 - momentum) * running_mean + momentum * mean,
                   running_var_after=(1 - momentum) * running_var + momentum * total / (pixels - 1))
    if max(pool) > 1:
        buffers["argmax"] = argmax
    return buffers


@op
def batchnorm2d(g):
    for shape, training, relu, residual, pool in (
            ((2, 3, 5, 1), 1, 0, 0, (1, 1)), ((2, 4, 5, 11), 1, 1, 0, (2, 2)), ((3, 2, 4, 9), 1, 1, 1, (2, 3)),
            ((2, 3, 4, 8), 0, 1, 1, (2, 2))):
        N, H, W, C = shape
        buffers = batchnorm(g, shape, training, relu, residual, pool)
        yield (f"N={N} H={H} W={W} C={C} training={training} relu={relu} residual={residual} "
               f"pool_height={pool[0]} pool_width={pool[1]}"), buffers
    for shape, samples, relu, pool in (((3, 1, 1, 8), (2, 3, 2), 1, (1, 1)), ((2, 4, 5, 11), (2, 2, 0, 1), 1, (2, 2))):
        N, H, W, C = shape
        yield (f"N={N} H={H} W={W} C={C} relu={relu} pool_height={pool[0]} pool_width={pool[1]} "
               f"n_parts={len(samples)}"), part_of_batch(g, shape, samples, relu, pool)


@op
def batch_moments(g):
    for N, H, W, C, adds in ((5, 1, 1, 7, 0), (2, 3, 4, 9, 1)):
        x, dmoments, dx = normal(g, N, H, W, C).requires_grad_(), normal(g, 2 * C + 1), normal(g, N, H, W, C)
        flat = x.reshape(-1, C)
        var, mean = torch.var_mean(flat, 0, unbiased=False)
        moments = torch.cat((mean, var * len(flat), torch.tensor([float(N)]).double()))
        gx, = backward(moments, dmoments, (x,))
        buffers = dict(x=x, dmoments=dmoments, moments=moments, dx=gx)
        if adds:
            buffers.update(dx=dx, dx_after=dx + gx)
        yield f"N={N} H={H} W={W} C={C} adds_dx={adds}", buffers


@op
def batchnorm1d(g):
    for N, C, training, relu in ((7, 13, 1, 1), (5, 8, 1, 0), (4, 9, 0, 1)):
        yield f"N={N} C={C} training={training} relu={relu}", batchnorm(g, (N, C), training, relu, 0, None)


@op
def maxpool2d(g):
    for N, H, W, C, pool in ((2, 5, 7, 11, (2, 2)), (2, 4, 6, 8, (2, 3))):
        x = normal(g, N, H, W, C).requires_grad_()
        y, argmax = pooled(nchw(x), pool)
        dy = normal(g, *y.shape)
        yield (f"N={N} H={H} W={W} C={C} pool_height={pool[0]} pool_width={pool[1]}",
               dict(x=x, dy=dy, y=y, argmax=argmax, dx=backward(y, dy, x)[0]))


@op
def global_max_pool(g):
    for N, H, W, C in ((3, 1, 5, 13), (2, 3, 4, 8)):
        x = normal(g, N, H, W, C).requires_grad_()
        pooled, argmax = torch.nn.functional.max_pool2d(nchw(x), (H, W), return_indices=True)
        y, dy = pooled.reshape(N, C), normal(g, N, C)
        yield f"N={N} H={H} W={W} C={C}", dict(x=x, dy=dy, y=y, argmax=argmax, dx=backward(y, dy, x)[0])
def philox(seed, counter):
    """Four words of Philox 4x32-10 (Salmon et al. 2011) in plain integers."""
    key, c = [seed & 0xFFFFFFFF, seed >> 32], list(counter)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ key[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ key[1], p0 & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def dropout_scales(count, p, sample, stream, seed=0x0123456789ABCDEF, step=42):
    """1 / (1 - p) where an element is kept, else 0: the draws of kernels/dropout.h and attention.h."""
    p = float(np.float32(p))
    words = [w for i in range((count + 3) // 4) for w in philox(seed, (i, sample, step, stream))][:count]
    kept = torch.tensor([(w >> 8) * 2.0**-24 >= p for w in words])
    return kept.double() / (1 - p)


@op
def embedding(g):
    for N, D, V, P in ((9, 6, 5, 4), (7, 3, 20, 0)):
        ids = torch.randint(V, (N,), generator=g)
        words, dwords, dy = normal(g, V, D).requires_grad_(), normal(g, V, D), normal(g, N, D)
        y = torch.nn.functional.embedding(ids, words)
        buffers = dict(ids=ids, words=words, dwords=dwords, dy=dy)
        if P:
            positions = torch.randint(P, (N,), generator=g)
            table, dtable = normal(g, P, D).requires_grad_(), normal(g, P, D)
            y = y + torch.nn.functional.embedding(positions, table)
            buffers.update(positions=positions, position_table=table, dposition_table=dtable)
        buffers.update(y=y)
        gradients = backward(y, dy, (words, table) if P else (words,))
        buffers.update(dwords_after=dwords + gradients[0])
        if P:
            buffers.update(dposition_table_after=dtable + gradients[1])
        yield f"N={N} D={D} V={V} P={P}", buffers


@op
def gather_rows(g):
    N, M, D = 3, 11, 5
    index = (7 * torch.arange(N) + M - 1) % M
    x, dy = normal(g, M, D).requires_grad_(), normal(g, N, D)
    y = torch.index_select(x, 0, index)
    yield f"N={N} M={M} D={D}", dict(index=index, x=x, y=y, dy=dy, dx=backward(y, dy, x)[0])


@op
def concat_rows(g):
    Na, Nb, D = 3, 4, 5
    a, b, dy = normal(g, Na, D).requires_grad_(), normal(g, Nb, D).requires_grad_(), normal(g, Na + Nb, D)
    y = torch.cat((a, b))
    da, db = backward(y, dy, (a, b))
    yield f"Na={Na} Nb={Nb} D={D}", dict(a=a, b=b, y=y, dy=dy, da=da, db=db)


@op
def add(g):
    a, b, dy = normal(g, 3, 7).requires_grad_(), normal(g, 3, 7).requires_grad_(), normal(g, 3, 7)
    y = a + b
    da, db = backward(y, dy, (a, b))
    yield "N=3 D=7", dict(a=a, b=b, y=y, dy=dy, da=da, db=db)


def elementwise(g, function, spread=2.0):
    x, dy = (spread * normal(g, 12, 11)).requires_grad_(), normal(g, 12, 11)
    y = function(x)
    yield "N=12 D=11", dict(x=x, y=y, dy=dy, dx=backward(y, dy, x)[0])


@op
def relu(g):
    return elementwise(g, torch.relu)


@op
def gelu(g):
    return elementwise(g, torch.nn.functional.gelu)


@op
def sigmoid(g):
    return elementwise(g, torch.sigmoid)


@op
def dropout(g):
    """PyTorch's draws are its own: torch multiplies, the draws are those of the definition."""
    N, D, p = 5, 9, 0.25
    x, dy = normal(g, N, D).requires_grad_(), normal(g, N, D)
    y = x * dropout_scales(N * D, p, 0, 1024 + 3).reshape(N, D)
    yield f"N={N} D={D} p={p}", dict(x=x, y=y, dy=dy, dx=backward(y, dy, x)[0])


@op
def crop_clips(g):
    """Slices of an array; the corpus is that of tests/kernels/cases_crop_clips.c."""
    lengths = [1 + (37 * c + 250) % 300 for c in range(9)]
    begins = np.concatenate(([0], np.cumsum(lengths)))
    pcm = (7919 * np.arange(begins[-1]) % 65536 - 32768).astype(np.int16)
    for B, S in ((9, 40), (5, 251)):
        clips, places = torch.randint(9, (B,), generator=g).numpy(), torch.randint(1000, (B,), generator=g).numpy()
        y = np.zeros((B, S), np.int16)
        for b, (clip, place) in enumerate(zip(clips, places)):
            room = lengths[clip] - S + 1
            start = philox(0x0123456789ABCDEF, (0, int(place), 42, 4))[0] * room >> 32 if room > 1 else 0
            crop = pcm[begins[clip] + start:begins[clip + 1]][:S]
            y[b, :len(crop)] = crop
        yield f"B={B} S={S}", dict(clips=clips, places=places, y=y.view(np.uint8))


def below(seed, stream, step, sample):
    """A reader of uniform whole numbers: Lemire's method on the words of one sequence of Philox."""
    words = (w for i in itertools.count() for w in philox(seed, (i, sample, step, stream)))

    def draw(n):
        while True:
            product = next(words) * n
            if product % 2**32 >= (2**32 - n) % n:
                return product >> 32

    return draw


@op
def draw_batch(g):
    """Batches cut from lists; the pools are those of tests/kernels/cases_draw_batch.c."""
    n_texts, n_clips, text_labels, clip_labels, orders = 23, 17, 3, 4, 5
    order = lambda n, e: [2 * ((7 * i + 5 * (e % orders)) % n) + 1 for i in range(n)]
    labelled = lambda n, K, k: [3 * i + 2 for i in range(k * n // K, (k + 1) * n // K)]
    filled = lambda rows, B: np.array(rows + [-1] * (B - len(rows)))  # outputs start as bytes of 0xFF
    for sampling, B, batch in ((0, 4, 7), (0, 22, 1), (1, 8, 3), (2, 24, 3), (3, 12, 9)):
        out, n = dict(), (n_texts, n_clips)
        if sampling < 2:
            cut, per_epoch = [order(n[sampling], 0)[i:i + B] for i in range(0, n[sampling], B)], -(-n[sampling] // B)
            sizes = [len(c) for c in cut]
            if sizes[-1] == 1 and len(sizes) > 1 and B > 2:
                sizes[-2:] = [B - 1, 2]
            epoch, place = divmod(batch, per_epoch)
            begin = sum(sizes[:place])
            rows = order(n[sampling], epoch)[begin:begin + sizes[place]]
            out[("texts", "clips")[sampling]] = filled(rows, B)
            out.update(n_texts=np.array([len(rows) * (sampling == 0)]), n_clips=np.array([len(rows) * (sampling == 1)]))
        elif sampling == 2:
            for name, count in (("texts", n_texts), ("clips", n_clips)):
                out[name] = np.array([order(count, i // count)[i % count] for i in range(batch * B, batch * B + B)])
                out["n_" + name] = np.array([B])
        else:
            texts, clips, tags = np.zeros((3, B), np.int64)
            for b in range(B // 2):
                draw = below(0x0123456789ABCDEF, 3, batch, b)
                first = draw(text_labels)
                texts[b], tags[b] = (pool := labelled(n_texts, text_labels, first))[draw(len(pool))], 10 + first
                second = draw(clip_labels)
                clips[b] = (pool := labelled(n_clips, clip_labels, second))[draw(len(pool))]
                tags[B // 2 + b] = 20 + second
                third = draw(text_labels)
                texts[B // 2 + b] = (pool := labelled(n_texts, text_labels, third))[draw(len(pool))]
                pool = labelled(n_clips, clip_labels, (1, 3, 1)[third])
                clips[B // 2 + b] = pool[draw(len(pool))]
            out = dict(texts=texts, clips=clips, tags=tags, n_texts=np.array([B]), n_clips=np.array([B]))
        out.update(step=np.array([batch]), next=np.array([batch + 1], np.int64).view(np.uint8))
        yield f"sampling={sampling} B={B} batch={batch}", out


@op
def fill_batch(g):
    """Concatenations and gathers; the corpus is that of tests/kernels/cases_fill_batch.c."""
    lengths = [1 + (5 * i + 3) % 11 for i in range(29)]
    corpus = torch.split(torch.tensor([(31 * j + 7) % 1000 for j in range(sum(lengths))]), lengths)
    label = torch.tensor([(3 * i + 1) % 5 for i in range(29)])
    for B, width in ((6, 5), (1, 1)):
        rows, texts = torch.randint(29, (B,), generator=g), torch.randint(29, (B,), generator=g)
        table = (torch.arange(105 * width) % 1009 / 8.0).reshape(105, width).double()
        flags = (torch.arange(29 * width) % 3 == 0).reshape(29, width).double()
        mine = [corpus[i] for i in texts]
        offsets = torch.tensor([0] + [len(m) for m in mine]).cumsum(0)
        unwritten = torch.full((11 * B - int(offsets[-1]),), -1)
        yield f"B={B} n={B} width={width}", dict(
            rows=rows, texts=texts, ids=torch.cat((*mine, unwritten)),
            positions=torch.cat((*(torch.arange(len(m)) for m in mine), unwritten)), offsets=offsets,
            cls=offsets[:-1],
            cls_offsets=torch.arange(B + 1), n_tokens=offsets[-1:], n_texts=torch.tensor([B]),
            row=rows, label=label[rows], mapped=100 + label[rows], vector=table[100 + label[rows]],
            flag=flags[rows], own_vector=table[rows])


@op
def attention(g):
    """scaled_dot_product_attention sequence by sequence; with dropout, its definition in torch."""
    for B, T, H, D, extra in ((3, 7, 2, 10, ""), (2, 6, 2, 8, " dropout=0.25"), (3, 5, 1, 4, " cls=1 dropout=0.5")):
        dropout = float(extra.split("dropout=")[1]) if extra else 0.0
        lengths = [T if s == 0 else 1 + (s * 37 + 11) % T for s in range(B)]
        k_offsets = np.concatenate(([0], np.cumsum(lengths)))
        q_offsets = np.arange(B + 1) if "cls" in extra else k_offsets
        Nq, Nk = q_offsets[-1], k_offsets[-1]
        q, k, v, dy = normal(g, Nq, D), normal(g, Nk, D), normal(g, Nk, D), normal(g, Nq, D)
        for t in (q, k, v):
            t.requires_grad_()
        rows, logsumexp = [], torch.empty(H, Nq, dtype=torch.float64)
        for s in range(B):
            mine, theirs = slice(q_offsets[s], q_offsets[s + 1]), slice(k_offsets[s], k_offsets[s + 1])
            heads = lambda t: t.reshape(len(t), H, D // H).transpose(0, 1)
            qs, ks, vs = heads(q[mine]), heads(k[theirs]), heads(v[theirs])
            scores = qs @ ks.transpose(1, 2) / (D // H) ** 0.5
            logsumexp[:, mine] = scores.logsumexp(2).detach()
            if dropout == 0:
                ys = torch.nn.functional.scaled_dot_product_attention(qs, ks, vs)
            else:
                shape = scores.shape[1:]
                scales = torch.stack([dropout_scales(shape.numel(), dropout, s * H + h, 1024 + 5).reshape(shape)
                                      for h in range(H)])
                ys = (scores.softmax(2) * scales) @ vs
            rows.append(ys.transpose(0, 1).reshape(-1, D))
        y = torch.cat(rows)
        dq, dk, dv = backward(y, dy, (q, k, v))
        yield f"B={B} T={T} H={H} D={D}{extra}", dict(
            q_offsets=q_offsets, k_offsets=k_offsets, q=q, k=k, v=v, y=y, logsumexp=logsumexp, dy=dy, dq=dq, dk=dk,
            dv=dv)


@op
def l2_normalize(g):
    for N, E in ((3, 1), (7, 33)):
        x, dy = normal(g, N, E).requires_grad_(), normal(g, N, E)
        y = torch.nn.functional.normalize(x)
        yield f"N={N} E={E}", dict(x=x, y=y, norm=x.norm(dim=1), dy=dy, dx=backward(y, dy, x)[0])


def losses_of(x, losses):
    """The buffers that all losses share: the mean of `losses` and its gradient."""
    dloss = torch.tensor([0.75], dtype=torch.float64)
    loss = losses.mean().reshape(1)
    return dict(x=x, losses=losses, loss=loss, dloss=dloss, dx=backward(loss, dloss, x)[0])


@op
def softmax_cross_entropy(g):
    for N, K, spread in ((5, 7, 1), (6, 5, 80), (4, 7, 10000)):
        x, labels = (spread * normal(g, N, K)).float().double().requires_grad_(), torch.randint(K, (N,), generator=g)
        losses = torch.nn.functional.cross_entropy(x, labels, reduction="none")
        yield f"N={N} K={K}", dict(labels=labels, probabilities=x.softmax(1), **losses_of(x, losses))


@op
def focal_loss(g):
    for N, K, gamma, constant in ((5, 7, 2, 0), (6, 7, 2, 1), (7, 5, 0.5, 0), (4, 5, 0, 0)):
        x, labels = normal(g, N, K).requires_grad_(), torch.randint(K, (N,), generator=g)
        cross_entropy = torch.nn.functional.cross_entropy(x, labels, reduction="none")
        weight = (1 - torch.exp(-cross_entropy)) ** gamma
        losses = (weight.detach() if constant else weight) * cross_entropy
        yield (f"N={N} K={K} gamma={gamma} weight_is_constant={constant}",
               dict(labels=labels, probabilities=x.softmax(1), **losses_of(x, losses)))


@op
def bce_with_logits(g):
    for N, K, spread in ((5, 7, 1), (3, 50, 80), (4, 3, 10000)):
        x = (spread * normal(g, N, K)).float().double().requires_grad_()
        targets = torch.randint(5, (N, K), generator=g).double() / 4
        losses = torch.nn.functional.binary_cross_entropy_with_logits(x, targets, reduction="none").mean(1)
        yield f"N={N} K={K}", dict(targets=targets, **losses_of(x, losses))


@op
def mse(g):
    for N, D in ((5, 2), (3, 33)):
        x, target = normal(g, N, D).requires_grad_(), normal(g, N, D)
        losses = torch.nn.functional.mse_loss(x, target, reduction="none").mean(1)
        yield f"N={N} D={D}", dict(target=target, **losses_of(x, losses))


@op
def cosine_triplet(g):
    """One anchor without a negative, which counts in the mean; one negative equal to its positive."""
    cosine = torch.nn.CosineSimilarity()
    for N, E, margin in ((6, 5, 1.0), (16, 64, 0.2)):
        a, p = normal(g, N, E).requires_grad_(), normal(g, N, E).requires_grad_()
        negative = torch.randint(N, (N,), generator=g)
        negative[0], negative[1] = 0, -1
        losses = torch.relu(float(np.float32(margin)) - cosine(a, p) + cosine(a, p[negative.clamp(min=0)]))
        losses = torch.where(negative < 0, 0.0, losses)
        loss, dloss = losses.mean().reshape(1), normal(g, 1)
        da, dp = backward(loss, dloss, (a, p))
        yield (f"N={N} E={E} margin={margin}",
               dict(a=a, p=p, negative=negative, losses=losses, loss=loss, dloss=dloss, da=da, dp=dp))


def triplet_weights(a, p, anchor_labels, item_labels, by_distance):
    """Weights of every item for every anchor, from the definition; rows sum to 1, or to 0 when nothing is left."""
    a, p = (t / t.norm(dim=1, keepdim=True).clamp(min=1e-12) for t in (a, p))
    s, E, allowed = (a @ p.T).numpy(), a.shape[1], (anchor_labels[:, None] != item_labels[None, :]).numpy()
    weights = (s + 1) / 2
    if by_distance:
        d = np.maximum(np.sqrt(np.maximum(2 - 2 * s, 0)), 0.5)
        weights = d ** (2.0 - E) * np.maximum(1 - d**2 / 4, 1e-8) ** ((3.0 - E) / 2)
        weights[d >= np.float32(1.4)] = 0
    weights = weights * allowed
    weights = np.where(weights.sum(1, keepdims=True) > 0, weights, allowed)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-300)


@op
def triplet_sample(g):
    for N, E, n_labels, cosine in ((40, 64, 5, 0), (40, 8, 3, 0), (40, 8, 3, 1), (12, 2, 2, 0)):
        a, p = normal(g, N, E), normal(g, N, E)
        labels, items = torch.randint(n_labels, (2, N), generator=g)
        weights = triplet_weights(a, p, labels, items, not cosine)
        uniforms = [(philox(0x0123456789ABCDEF, (0, n, 42, 6))[0] >> 8) * 2.0**-24 for n in range(N)]
        negative = np.array([-1 if w.sum() == 0 else np.searchsorted(w.cumsum(), u * w.sum(), side="right")
                             for w, u in zip(weights, uniforms)])
        yield (f"N={N} E={E} n_labels={n_labels} cosine={cosine}",
               dict(a=a, p=p, anchor_labels=labels, item_labels=items, negative=negative,
                    n_empty=np.array([(negative < 0).sum()])))


GAP = 3  # untouched elements behind every tensor, as in tests/kernels/tensor_table.h


@op
def adam(g):
    """One step from a given state; tests/oracle/adam_steps.py has many."""
    f32 = lambda x: float(np.float32(x))
    for n_tensors, N, t, rate, decay in ((2, 33, 7, 1e-2, 0.1), (1, 20, 1, 1e-3, 0), (2, 9, 1000, 1e-4, 1e-2)):
        counts = [N - 7 * i for i in range(n_tensors)]
        elements = sum(counts) + GAP * n_tensors
        p, grad, m, v = (normal(g, elements) for _ in range(4))
        v = (v**2).float().double()
        after, at = dict(p_after=p.clone(), m_after=m.clone(), v_after=v.clone()), 0
        for i, count in enumerate(counts):
            here = slice(at, at + count)
            at += count + GAP
            parameter = torch.nn.Parameter(p[here].clone())
            parameter.grad = grad[here].clone()
            optimizer = torch.optim.Adam([parameter], lr=f32(rate), betas=(f32(0.9), f32(0.999)), eps=f32(1e-8),
                                         weight_decay=f32(decay * i))
            optimizer.state[parameter] = dict(step=torch.tensor(float(t - 1)), exp_avg=m[here].clone(),
                                              exp_avg_sq=v[here].clone())
            optimizer.step()
            after["p_after"][here] = parameter.data
            after["m_after"][here] = optimizer.state[parameter]["exp_avg"]
            after["v_after"][here] = optimizer.state[parameter]["exp_avg_sq"]
        yield (f"n_tensors={n_tensors} N={N} t={t} learning_rate={rate} weight_decay={decay}",
               dict(p=p, g=grad, m=m, v=v, **after))


@op
def grad_norm(g):
    for n_tensors, N in ((1, 5), (2, 20)):
        counts = [N - 7 * i for i in range(n_tensors)]
        grad, parameters, at = normal(g, sum(counts) + GAP * n_tensors), [], 0
        for count in counts:
            parameters.append(torch.nn.Parameter(torch.zeros(count, dtype=torch.float64)))
            parameters[-1].grad = grad[at:at + count].clone()
            at += count + GAP
        yield f"n_tensors={n_tensors} N={N}", dict(
            g=grad, norm=torch.nn.utils.clip_grad_norm_(parameters, 1e9).reshape(1))


@op
def top_k_similarity(g):
    for N, M, E, k in ((3, 40, 8, 5), (7, 33, 16, 33)):
        queries, items = normal(g, N, E), normal(g, M, E)
        scores, indices = torch.topk(queries @ items.T, k)
        yield f"N={N} M={M} E={E} k={k}", dict(queries=queries, items=items, scores=scores, indices=indices)


def write(name):
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with h5py.File(FOLDER / f"{name}.h5", "w", track_order=False) as file:
        file.attrs["written_by"] = f"tests/oracle/ops.py, torch {torch.__version__}, numpy {np.__version__}"
        for index, (params, buffers) in enumerate(OPS[name](generator)):
            group = file.create_group(f"case{index}")
            group.attrs["params"] = params
            for buffer, values in buffers.items():
                if isinstance(values, torch.Tensor):
                    values = values.detach().numpy()
                integer = "u1" if values.dtype == np.uint8 else "<i4"
                kind = integer if np.issubdtype(values.dtype, np.integer) else "<f8"
                group.create_dataset(buffer, data=values.ravel().astype(kind))


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(OPS):
        write(name)
        print(f"{name}: {(FOLDER / f'{name}.h5').stat().st_size} bytes")
