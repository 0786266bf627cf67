"""Console output of widespread trainers, as they print it, of the run in sample_logs: CONSOLES[name] -> (lines, which losses they hold).

Made by hand after each project's logging code, since the projects themselves need GPUs or weights.
"""

import json
from collections.abc import Iterator

from tests.losslaws.curves.logs.sample_logs import rows

EVERY = 10


def logged() -> Iterator[tuple[int, float, float, float | None]]:
    """Step, rate, training loss and validation loss (None where not measured) of every tenth step."""
    for row in rows():
        if row["step"] % EVERY == 0:
            yield row["step"], row["lr"], row["train_loss"], row.get("val_loss")


def llm_c(t, lr, train, val):
    yield f"step {t:4d}/400 | loss {train:.6f} (+nanz)| norm 0.5012 (+0.31z)| lr {lr:.2e} | 1201.15 ms | 52.1% bf16 MFU | 436494 tok/s"
    if val:
        yield f"val loss {val:.6f}"


def llm_c_main_log(t, lr, train, val):
    if val:
        yield f"s:{t} tel:{val:.4f}"
        yield f"s:{t} eval:0.2505"
    yield f"s:{t} trl:{train:.4f} lr:{lr:.6f} norm:0.50"


def build_nanogpt(t, lr, train, val):
    yield f"step {t:5d} | loss: {train:.6f} | lr {lr:.4e} | norm: 0.4321 | dt: 331.03ms | tok/sec: 1583791.11"
    if val:
        yield f"validation loss: {val:.4f}"
        yield f"HellaSwag accuracy: 2463/10042={2463 / 10042:.4f}"
        yield f"rank 0 sample 3: Hello, I'm a language model, and step {t} of loss 12 is a lesson"


def nanogpt(t, lr, train, val):
    if val:
        yield f"step {t}: train loss {train:.4f}, val loss {val:.4f}"
        yield "saving checkpoint to out-shakespeare-char"
    yield f"iter {t}: loss {train:.4f}, lr {lr:.6e}, time 123.45ms, mfu 37.10%"


def megatron(t, lr, train, val):
    yield (
        f" [2024-05-01 12:00:{t % 60:02d}] iteration {t:8d}/     400 | consumed samples: {256 * t:12d} | elapsed time per iteration (ms): 1234.5 | "
        f"throughput per GPU (TFLOP/s/GPU): 401.2 | learning rate: {lr:.6E} | global batch size:   256 | lm loss: {train:.6E} | loss scale: 1.0 | "
        "grad norm: 1.021 | number of skipped iterations:   0 | number of nan iterations:   0 |"
    )
    if val:
        yield "-" * 80
        yield f" validation loss at iteration {t} | lm loss value: {val:.6E} | lm loss PPL: {2.0**val:.6E} | "
        yield "-" * 80


def gpt_neox(t, lr, train, val):
    yield (
        f" samples/sec: 12.3 | iteration {t:8d}/     400 | elapsed time per iteration (ms): 5000.1 | learning rate: {lr:.3E} | approx flops per GPU: "
        f"113.1TFLOPS | lm_loss: {train:.6E} | loss scale: 4096.0 | number of skipped iterations:   0 | number of nan iterations:   0 |"
    )
    if val:
        yield f" validation results at iteration {t} | lm_loss value: {val:.6E} | lm_loss_ppl value: {2.0**val:.6E} | "


def deepspeed(t, lr, train, _):
    yield f"[2024-05-01 12:00:00,123] [INFO] [logging.py:96:log_dist] [Rank 0] step={t}, skipped=0, lr=[{lr}, {lr}], mom=[(0.9, 0.95), (0.9, 0.95)]"
    yield f"steps: {t} loss: {train:.4f} iter time (s): 0.512 samples/sec: 31.2"


def torchtitan(t, lr, train, val):
    yield (
        f"[rank0]:\x1b[31m[titan] 2024-05-01 12:00:00,123 - root - INFO - \x1b[31mstep: {t:2}  \x1b[32mloss: {train:7.4f}  \x1b[38;2;180;60;0mgrad_norm:  0.4321  "
        f"\x1b[33mlr: {lr:.4e}  \x1b[34mmemory: 40.21GiB(42.32%)  \x1b[36mtps: 7,502  \x1b[35mmfu: 38.09%\x1b[39m"
    )
    if val:
        yield f"[rank0]:[titan] 2024-05-01 12:00:00,123 - root - INFO - validate step: {t:2}  loss: {val:7.4f}  memory: 40.21GiB(42.32%)  tps: 17,301"


def olmo(t, lr, train, val):
    yield f"2024-05-01T12:00:00.123Z\tmachine:0\tolmo.train:967\tINFO\t[step={t}/400,epoch=0]"
    yield f"    optim/total_grad_norm=0.4321\n    optim/learning_rate_group0={lr:.6f}\n    train/CrossEntropyLoss={train:.4f}"
    yield "    train/Perplexity=21.12\n    throughput/total_tokens=1,234,567\n    throughput/device/batches_per_second=1.234"
    if val:
        yield f"    eval/validation/CrossEntropyLoss={val:.4f}\n    eval/validation/Perplexity=22.1"


def nanotron(t, lr, train, _):
    yield (
        f"05/01/2024 12:00:00 [INFO|DP=0|PP=0|TP=0|ip-10-0-0-1]: iteration: {t} / 400 | consumed_tokens: 1.31M | elapsed_time_per_iteration_ms: 1.2K | "
        f"tokens_per_sec: 3.5K | tokens_per_sec_per_gpu: 435 | global_batch_size: 128 | lm_loss: {train:.4f} | lr: {lr:.4e} | model_tflops_per_gpu: 5.1 | "
        "grad_norm: 0.151"
    )


def litgpt(t, lr, train, val, seen=[]):  # noqa: B006 - the last evaluation stays on the line
    if t == EVERY:
        seen.clear()
    if val:
        seen[:] = [val]
    yield (
        f"Epoch 1 | iter {8 * t} step {t} | loss train: {train:.4f}, val: {f'{seen[0]:.4f}' if seen else 'n/a'} | iter time: 363.92 ms (step) remaining time: 1 day"
    )


def torchtune(t, lr, train, _):
    yield f"Step {t} | loss:{train} lr:{lr} tokens_per_second_per_gpu:1234.5 "


def fairseq(t, lr, train, val):
    yield (
        f"2024-05-01 12:00:00 | INFO | train_inner | epoch 001:    {t} / 400 loss={train:.4f}, nll_loss={train:.4f}, ppl={2**train:.2f}, wps=12345.1, ups=2.3, "
        f"wpb=512, bsz=128, num_updates={t}, lr={lr:.6g}, gnorm=0.43, train_wall=10, wall=1234"
    )
    if val:
        yield (
            f"2024-05-01 12:00:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss {val:.4f} | nll_loss {val:.4f} | ppl {2**val:.2f} | wps 12345 | "
            f"num_updates {t} | best_loss 2.9"
        )


def trainer_dicts(t, lr, train, val):
    """transformers' Trainer with its progress bar on the same stream, which alone counts the steps."""
    yield f" {t // 4}%|{'█' * (t // 40)}{' ' * (10 - t // 40)}| {t}/400 [00:10<01:00,  9.12it/s]"
    yield f"{{'loss': '{train:.4f}', 'grad_norm': '0.43', 'learning_rate': '{lr:.6g}', 'epoch': '{t / 400:.2f}'}}"
    if val:
        yield " 50%|█████     | 10/20 [00:01<00:01,  9.12it/s]"
        yield f"{{'eval_loss': '{val:.4f}', 'eval_runtime': '1.2', 'eval_samples_per_second': '8.1', 'epoch': '{t / 400:.2f}'}}"


def lightning_bar(t, lr, train, val):
    line = f"Epoch 0: {t // 4:3d}%|{'█' * (t // 40)}{' ' * (10 - t // 40)}| {t}/400 [00:10<00:30, 24.91it/s, v_num=0, train_loss_step={train:.4f}, lr={lr:.3e}"
    yield f"{line}, val_loss={val:.4f}]" if val else f"{line}]"


def tqdm_bar(t, lr, train, _):
    yield f"train: {t // 4:3d}%|{'#' * (t // 40)}| {t}/400 [00:10<01:00, 9.1it/s, loss={train:.4f}, lr={lr:.4e}]\r"


def json_in_lines(t, lr, train, val):
    told = {"epoch": 1, "update": t / 400, "loss": f"{train:.4f}", "num_updates": str(t), "lr": f"{lr:.6g}"}
    yield f"[2024-05-01 12:00:00,123][train_inner][INFO] - {json.dumps(told)}"
    if val:
        yield f"[2024-05-01 12:00:00,123][valid][INFO] - {json.dumps({'epoch': 1, 'valid_loss': f'{val:.4f}', 'valid_num_updates': str(t)})}"


def tutorial(t, lr, train, val):
    yield f"Epoch [1/1], Step [{t}/400], Loss: {train:.4f}, LR: {lr:.6f}"
    if val:
        yield f"Validation - Epoch [1/1], Step [{t}/400], Loss: {val:.4f}"


def modded(t, lr, train, val):
    if val:
        yield f"step:{t}/400 val_loss:{val:.4f} train_time:12345ms step_avg:101.23ms"
    yield f"step:{t}/400 train_loss:{train:.4f} lr:{lr:.4e} train_time:12345ms step_avg:101.23ms"


def loss_at_step(t, lr, train, val):
    yield f"INFO:root:Loss at step {t}: {train:.4f} (lr = {lr:.4e})"
    if val:
        yield f"INFO:root:Validation loss at step {t}: {val:.4f}"


def bare(t, lr, train, val):
    yield f"step {t}/400 train {train:.4f} lr {lr:.4e}"
    if val:
        yield f"step {t} val {val:.4f}"


def llama2_c(t, lr, train, val):
    if val:
        yield f"step {t}: train loss {train:.4f}, val loss {val:.4f}"
    yield f"{t} | loss {train:.4f} | lr {lr:e} | 123.45ms | mfu 37.10%"


def composer(t, lr, train, val):
    yield f"[batch={t}/400]:"
    yield f"\t Train time/batch: {t - 1}\n\t Train time/token: {512 * (t - 1)}\n\t Train trainer/device_train_microbatch_size: 8"
    yield f"\t Train loss/train/total: {train:.4f}\n\t Train metrics/train/LanguagePerplexity: 21.12"
    yield f"\t Train lr-DecoupledAdamW/group0: {lr:.6f}\n\t Train time/remaining_estimate: 0.0123"
    if val:
        yield f"[Eval batch=1/10] Eval on eval data\n[Eval batch=10/10] Eval on eval data:\n\t Eval metrics/eval/LanguageCrossEntropy: {val:.4f}"


def nemo(t, lr, train, _):
    yield (
        f"[NeMo I 2024-05-01 12:00:00 log:1] Training epoch 0, iteration {t}/399 | lr: {lr:.6g} | global_batch_size: 512 | global_step: {t} | "
        f"reduced_train_loss: {train:.4f} | train_step_timing in s: 10.1 | consumed_samples: {512 * t}"
    )


def mmengine(t, lr, train, val):
    yield (
        f"05/01 12:00:00 - mmengine - INFO - Iter(train) [{t:4d}/400]  lr: {lr:.4e}  eta: 0:12:03  time: 0.5123  data_time: 0.0123  memory: 12345  "
        f"loss: {train:.4f}"
    )
    if val:
        yield "05/01 12:00:00 - mmengine - INFO - Iter(val) [ 50/100]    eta: 0:00:10  time: 0.1012  data_time: 0.0101  memory: 123"
        yield f"05/01 12:00:00 - mmengine - INFO - Iter(val) [100/100]    loss: {val:.4f}  data_time: 0.0101  time: 0.1012"


def internlm(t, lr, train, _):
    yield (
        f"2024-05-01 12:00:00,123\tINFO train.py:323 in record_metrics -- tflops=63.3,step={t},loss={train:.6f},tgs (tokens/gpu/second)=2293.2,lr={lr},"
        f"loss_scale=65536.0,grad_norm=63.6,micro_num=4,num_consumed_tokens={512 * t},inf_nan_skip_batches=0"
    )


def word_language_model(t, lr, train, val):
    """PyTorch's example; two epochs of 200 batches."""
    epoch, batch = (t - 1) // 200 + 1, (t - 1) % 200 + 1
    yield f"| epoch {epoch:3d} | {batch:5d}/  200 batches | lr {lr:.6f} | ms/batch 12.30 | loss {train:5.4f} | ppl {2.72**train:8.2f}"


def flax(t, lr, train, val):
    yield f"Step... ({t} | Loss: {train:.4f}, Learning Rate: {lr:.6g})"
    if val:
        yield f"Step... ({t} | Eval Loss: {val:.4f} | Eval Perplexity: 49.1)"


def opennmt(t, lr, train, val):
    yield f"[2024-05-01 12:00:00,123 INFO] Step {t}/  400; acc: 9.1; xent: {train:.4f}; lr: {lr:.7f}; sents: 1234; bsz: 123/ 12/ 3; 12345/12345 tok/s;   {t // 2} sec;"
    if val:
        yield f"[2024-05-01 12:00:00,123 INFO] Validation cross entropy: {val:.4f}\n[2024-05-01 12:00:00,123 INFO] Validation accuracy: 50.1"


BOTH, TRAIN = "both", "train"
CONSOLES = {
    "llm.c": (llm_c, BOTH),
    "llm.c main.log": (llm_c_main_log, BOTH),
    "build-nanogpt": (build_nanogpt, BOTH),
    "nanoGPT": (nanogpt, BOTH),
    "modded-nanogpt": (modded, BOTH),
    "Megatron-LM": (megatron, BOTH),
    "gpt-neox": (gpt_neox, BOTH),
    "DeepSpeed": (deepspeed, TRAIN),
    "torchtitan": (torchtitan, BOTH),
    "OLMo": (olmo, BOTH),
    "nanotron": (nanotron, TRAIN),
    "litgpt": (litgpt, BOTH),
    "torchtune": (torchtune, TRAIN),
    "fairseq": (fairseq, BOTH),
    "fairseq json": (json_in_lines, BOTH),
    "Trainer": (trainer_dicts, BOTH),
    "Lightning": (lightning_bar, BOTH),
    "tqdm": (tqdm_bar, TRAIN),
    "PyTorch tutorial": (tutorial, BOTH),
    "bare": (bare, BOTH),
    "loss at step": (loss_at_step, BOTH),
    "llama2.c": (llama2_c, BOTH),
    "Composer": (composer, BOTH),
    "NeMo": (nemo, TRAIN),
    "mmengine": (mmengine, BOTH),
    "InternLM": (internlm, TRAIN),
    "PyTorch example": (word_language_model, TRAIN),
    "Flax": (flax, BOTH),
    "OpenNMT": (opennmt, BOTH),
}
LITGPT_HAS_NO_RATE = {"litgpt"}


def console(name: str) -> str:
    """The whole output."""
    lines, _ = CONSOLES[name]
    return "\n".join(line for row in logged() for line in lines(*row)) + "\n"
