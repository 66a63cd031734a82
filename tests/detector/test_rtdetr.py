"""The detection transformer of the preset rtdetr, where its extra is installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision.ops import box_convert

from sissi.config import Detector, Training
from sissi.detector import weights as weights_module
from sissi.detector.model import build, predict
from sissi.detector.rtdetr import weights as published
from sissi.detector.rtdetr.network import new_transformer
from sissi.errors import SissiError
from sissi.training.teacher_student import make_teacher_student

from .test_contract import target
from .test_model import picture

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'sissi[transformers]'"
)
from safetensors.torch import save_file  # noqa: E402
from transformers.loss.loss_rt_detr import RTDetrForObjectDetectionLoss  # noqa: E402

from sissi.detector.rtdetr.losses import IgnoringLoss  # noqa: E402


def detector(classes=("cell",), **changes):
    torch.manual_seed(0)
    return build(Detector(**{"preset": "rtdetr", "score_floor": 0.0, **changes}), (64, 96), classes)


@pytest.fixture(scope="module")
def network():
    return detector().network


def saved(path, classes=80, **changes):
    """Weights of a network of transformers, in a file as older versions of it wrote them; and the network."""
    torch.manual_seed(5)
    config = new_transformer(classes).config
    theirs = transformers.RTDetrV2ForObjectDetection(transformers.RTDetrV2Config(**config.to_dict() | changes))
    tensors = {}
    for name, tensor in theirs.state_dict().items():
        if not name.startswith(("class_embed.", "bbox_embed.")):  # the same tensors as those of the decoder
            tensors[former(name)] = tensor.clone().contiguous()
    save_file(tensors, path, metadata={"format": "pt"})
    return theirs


def former(name):
    if ".backbone." in name:
        return name
    name = re.sub(r"layers\.(\d+)\.mlp\.fc", r"layers.\1.fc", name.replace("o_proj", "out_proj"))
    return name.replace("encoder.aifi.", "encoder.encoder.")


def test_the_library_is_imported_only_for_its_preset():
    script = "import sys, sissi.detector.model, sissi.ablation.stages; print('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


def test_without_ignore_regions_the_losses_are_those_of_transformers(network):
    network.train()
    images, targets = [torch.rand(3, 64, 96) for _ in range(2)], [target(), target(((50.0, 20.0, 70.0, 40.0),) * 2)]
    torch.manual_seed(1)
    mine = network(images, targets)
    own = network.transformer.loss_function
    network.transformer.loss_function = RTDetrForObjectDetectionLoss
    torch.manual_seed(1)
    theirs = network(images, targets)
    network.transformer.loss_function = own
    assert len(theirs) == 3 * (3 + 1 + 3)  # vfl, bbox and giou of 3 layers, the first places, and 3 layers with noise
    score = sum(value for name, value in theirs.items() if "vfl" in name)
    torch.testing.assert_close(mine["loss_score"], score)
    torch.testing.assert_close(mine["loss_box"], sum(theirs.values()) - score)


def test_an_unassigned_query_on_an_ignore_region_has_no_gradient_and_the_others_keep_theirs(network):
    criterion = IgnoringLoss(network.transformer.config)
    boxes = torch.tensor([[[10.0, 10, 30, 30], [50, 20, 70, 40], [51, 20, 70, 40], [0, 0, 9, 9]]]) / 100
    outputs = {"logits": torch.zeros(1, 4, 1, requires_grad=True), "pred_boxes": box_convert(boxes, "xyxy", "cxcywh")}
    pairs = [(torch.tensor([1]), torch.tensor([0]))]
    label = {"class_labels": torch.tensor([0]), "boxes": outputs["pred_boxes"][0, 1:2]}
    ignored = {"ignored": outputs["pred_boxes"][0, :3] + torch.tensor([0.01, 0.0, 0.0, 0.0])}
    gradients = []
    for targets in ([label], [label | ignored]):
        [loss] = criterion.loss_labels_vfl(outputs, targets, pairs, 1).values()
        gradients.append(torch.autograd.grad(loss, outputs["logits"])[0].flatten())
    plain, silent = gradients
    assert (plain != 0).all() and silent.tolist() == [0, plain[1], 0, plain[3]]


def test_an_image_of_few_places_has_as_many_queries_as_places():
    [found] = predict(detector(nms_iou=1.0), [picture(20, 30)])  # 16 + 4 + 1 places in 32 x 32 px
    assert len(found) == 21
    assert (found.xyxy[:, 2] <= 30).all() and (found.xyxy[:, 3] <= 20).all()


def test_images_of_several_sizes_are_one_batch_with_boxes_in_their_pixels():
    found = predict(detector(), [picture(32, 40), picture(96, 64)])
    for boxes, (height, width) in zip(found, ((32, 40), (96, 64)), strict=True):
        assert len(boxes) and (boxes.xyxy <= [width, height, width, height]).all()


def test_a_running_average_takes_each_tensor_once(network):
    state = network.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values() if tensor.numel() > 1}) == sum(
        tensor.numel() > 1 for tensor in state.values()
    )


def test_only_the_backbone_computes_in_bf16_and_hands_on_float32():
    learner = make_teacher_student(detector(), Training(epochs=2, averaging=0.5, precision="bf16"))
    inside = []
    backbone = learner.teacher.network.eval().backbone
    next(module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)).register_forward_hook(
        lambda module, given, result: inside.append(result.dtype)
    )
    [(level, mask), *_] = backbone(torch.rand(1, 3, 64, 96), torch.ones(1, 64, 96))
    assert inside == [torch.bfloat16] and level.dtype == torch.float32 and mask.dtype == torch.bool


@pytest.mark.parametrize("how", ["coco", "file"])
def test_published_weights_reach_all_but_the_classifier(how, monkeypatch, tmp_path):
    file = tmp_path / "their.safetensors"
    theirs = saved(file).state_dict()
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(file))
    monkeypatch.setattr(published, "SHA256", published.hashlib.sha256(file.read_bytes()).hexdigest())
    mine = detector(weights="coco" if how == "coco" else file).network.state_dict()
    classifiers = [name for name in mine if name.startswith(weights_module.CLASS_SPECIFIC)]
    assert len(classifiers) == 3 * 2 + 2 + 1
    for name, tensor in mine.items():
        equal = torch.equal(tensor, theirs[name.removeprefix("transformer.")]) if name not in classifiers else False
        assert equal != (name in classifiers), name


def test_the_whole_network_is_as_large_as_the_published_file(tmp_path):
    """Number of bytes that the page of the published file shows, with all names of tensors in it."""
    saved(tmp_path / "their.safetensors", freeze_backbone_batch_norms=True)
    assert (tmp_path / "their.safetensors").stat().st_size == 80_904_640


def test_a_detector_of_sissi_is_a_start_too(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "own.pth")
    mine = detector(weights=tmp_path / "own.pth").network.state_dict()
    name = "transformer.model.enc_output.0.weight"
    assert torch.equal(mine[name], network.state_dict()[name])


def test_without_a_network_a_sentence_says_what_to_do(monkeypatch):
    def offline(*arguments, **options):
        raise OSError("no network\nand more lines")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    words = (
        r"PekingU/rtdetr_v2_r18vd could not be downloaded \(OSError: no network\); fetch https://huggingface.co/\S+ e"
    )
    with pytest.raises(SissiError, match=words):
        detector(weights="coco")


def test_a_truncated_download_is_named(monkeypatch, tmp_path):
    file = tmp_path / "model.safetensors"
    saved(file)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(file))
    for size in (5_000_000, 1000, 5, 0):
        with file.open("r+b") as opened:
            opened.truncate(size)
        with pytest.raises(SissiError, match=r"model\.safetensors: is damaged, .*; delete it and try again"):
            published.coco_weights()
        with pytest.raises(SissiError, match=r"model\.safetensors: is damaged, or not a file of safetensors"):
            published.read_published(file)


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"layer.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(SissiError, match="has the weights of another network than the RT-DETRv2"):
        detector(weights=tmp_path / "other.safetensors")
    with pytest.raises(SissiError, match=r"nowhere\.safetensors: no such file"):
        detector(weights=Path("nowhere.safetensors"))
    saved(tmp_path / "larger.safetensors", decoder_layers=4)
    with pytest.raises(SissiError, match=r"another RT-DETRv2 than PekingU/rtdetr_v2_r18vd: 3\d tensors do not fit"):
        detector(weights=tmp_path / "larger.safetensors")
    saved(tmp_path / "wider.safetensors", encoder_ffn_dim=512)
    with pytest.raises(SissiError, match=r"3 tensors do not fit"):
        detector(weights=tmp_path / "wider.safetensors")
