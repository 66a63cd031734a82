"""Published weights of RT-DETRv2, trained on COCO, and others that transformers saved; files have tensors only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from sissi.detector.rtdetr.network import new_transformer, transformers, without_second_names
from sissi.errors import SissiError

REPOSITORY, REVISION, FILE = "PekingU/rtdetr_v2_r18vd", "5650961749fa93567c0d46fc7f43ea4f9e914107", "model.safetensors"
"""Where the weights are (81 MB, Apache-2.0): a repository of Hugging Face, its commit, and a file."""
SHA256 = "d18309d0d7ea57048138885c4c6ecfcb1e24506fc6153b94ad484f8ab62c7115"
URL = f"https://huggingface.co/{REPOSITORY}/resolve/{REVISION}/{FILE}"


def coco_weights() -> dict[str, Tensor]:
    """Weights that were trained on COCO, downloaded once and verified by their hash, by the names of the network.

    Raises:
        SissiError: they cannot be downloaded, or the download is damaged.
    """
    transformers()
    import huggingface_hub

    try:
        path = Path(huggingface_hub.hf_hub_download(REPOSITORY, FILE, revision=REVISION))
    except Exception as error:  # many kinds for a missing network and for a file that ends early
        reason = (str(error).splitlines() or [""])[0]
        raise SissiError(
            f"detector.weights: coco: the weights of {REPOSITORY} could not be downloaded ({type(error).__name__}: "
            f"{reason}); fetch {URL} elsewhere and set detector.weights to that file, or to none"
        ) from None
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise SissiError(f"{path}: is damaged, or is not the file of {URL}; delete it and try again")
    return read_published(path)


def read_published(path: Path) -> dict[str, Tensor]:
    """Read weights of an RT-DETRv2 that transformers saved, by the names of the network.

    Args:
        path: file of safetensors, for any number of classes.

    Raises:
        SissiError: the file is missing or damaged, or has the weights of another network.
    """
    tensors = _read(path)
    scores = tensors.get("model.enc_score_head.bias")
    if scores is None:
        raise SissiError(f"{path}: has the weights of another network than the RT-DETRv2 of transformers")
    new = new_transformer(len(scores))
    # it also renames what older versions of transformers called otherwise
    read, told = type(new).from_pretrained(
        None, config=new.config, state_dict=tensors, output_loading_info=True, ignore_mismatched_sizes=True
    )
    missing = [name for name in told["missing_keys"] if "num_batches_tracked" not in name]
    unfit = [str(name) for name in (*missing, *told["unexpected_keys"], *told["mismatched_keys"])]
    if unfit:
        raise SissiError(
            f"{path}: has the weights of another RT-DETRv2 than {REPOSITORY}: {len(unfit)} tensors do not fit, such as "
            f"{unfit[0]}"
        )
    state = without_second_names(read).state_dict()
    return {f"transformer.{name}": tensor for name, tensor in state.items()}


def _read(path: Path) -> Mapping[str, Tensor]:
    from safetensors.torch import load_file

    if not path.is_file():
        raise SissiError(f"{path}: no such file")
    try:
        tensors: Mapping[str, Tensor] = load_file(path)
    except Exception as error:  # safetensors has an error of its own for damage, the system has others
        raise SissiError(f"{path}: is damaged, or not a file of safetensors ({error})") from None
    return tensors
