import pickle

import numpy as np
import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from sissi.boxes import same
from sissi.config import Detector
from sissi.detector.model import build, detect, load, predict, resize, save
from sissi.errors import SissiError

SMALL = Detector(preset="small", score_floor=0.0)
PAPER_ANCHORS = ((16,), (32,), (64,), (128,), (256,))


def picture(height=64, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def small(seed=0, **changes):
    torch.manual_seed(seed)
    return build(SMALL.model_copy(update=changes), (64, 96))


def backbone_sizes(detector, images):
    seen = []
    hook = detector.network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[2:]))
    predict(detector, images)
    hook.remove()
    return [tuple(size) for size in seen]


def test_the_size_of_an_image_reaches_the_backbone():
    detector = small()
    sizes = [
        backbone_sizes(detector, [picture(height, width)])[0] for height, width in ((64, 96), (128, 192), (96, 80))
    ]
    assert sizes == [(64, 96), (128, 192), (96, 80)]


def test_the_paper_preset_does_not_resize_either():
    detector = build(Detector(preset="paper", anchor_sizes=PAPER_ANCHORS), (64, 96))
    assert backbone_sizes(detector, [picture(96, 160)]) == [(96, 160)]


def test_images_are_normalised_to_the_last_bit_as_torchvision_does_it():
    transform, image = small().network.transform, torch.rand(3, 64, 96)
    assert torch.equal(transform.normalize(image), GeneralizedRCNNTransform.normalize(transform, image))
    assert not [name for name in small().network.state_dict() if name.startswith("transform")]


def test_no_layer_of_the_paper_preset_is_frozen():
    network = build(Detector(preset="paper", anchor_sizes=PAPER_ANCHORS), (64, 96)).network
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert network.roi_heads.box_predictor.cls_score.out_features == 2


def test_predictions_are_in_the_pixels_of_the_image():
    detector = small()
    found = detect(detector, picture(128, 192))
    assert len(found) > 0
    assert (found.xyxy >= 0).all() and (found.xyxy <= [192, 128, 192, 128]).all() and found.xyxy.max() > 96


def test_a_batch_predicts_what_each_image_alone_does():
    detector = small()
    images = [picture(seed=seed) for seed in range(3)]
    together, alone = predict(detector, images), [predict(detector, [image])[0] for image in images]
    for one, other in zip(together, alone, strict=True):
        assert len(one) == len(other)
        np.testing.assert_allclose(np.sort(one.scores), np.sort(other.scores), atol=1e-5)


def test_the_same_seed_builds_the_same_weights():
    first, second, other = small(0), small(0), small(1)
    pairs = zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.network.rpn.head.conv[0][0].weight, other.network.rpn.head.conv[0][0].weight)


def test_saved_and_loaded_it_predicts_the_same(tmp_path):
    detector = small()
    save(detector, tmp_path / "detector.pt")
    again = load(tmp_path / "detector.pt")
    assert again.settings == detector.settings and again.image_size == (64, 96)
    assert same(detect(detector, picture()), detect(again, picture()))


def test_more_detections_than_a_hundred_are_possible():
    assert small(detections_per_image=7).network.roi_heads.detections_per_img == 7
    found = predict(small(detections_per_image=150, nms_iou=1.0), [picture()])[0]
    assert len(found) == 150


class Crafted:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_file_that_carries_code_is_refused_and_nothing_of_it_runs(tmp_path, capsys):
    path = tmp_path / "evil.pt"
    with path.open("wb") as file:
        pickle.dump({"format": 1, "state": Crafted()}, file)
    torch.save({"format": 1, "state": Crafted()}, tmp_path / "evil2.pt")
    for evil in (path, tmp_path / "evil2.pt"):
        with pytest.raises(SissiError, match=evil.name):
            load(evil)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a detector at all"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(SissiError, match=r"damaged\.pt"):
        load(tmp_path / "damaged.pt")
    with pytest.raises(SissiError, match=r"nowhere\.pt: no such file"):
        load(tmp_path / "nowhere.pt")


def test_weights_from_a_local_file_in_the_form_of_torchvision(tmp_path):
    torch.manual_seed(0)
    published = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91)
    torch.save(published.state_dict(), tmp_path / "coco.pth")
    settings = Detector(preset="paper", anchor_sizes=PAPER_ANCHORS, weights=tmp_path / "coco.pth")
    network = build(settings, (64, 96)).network
    assert torch.equal(network.backbone.body.conv1.weight, published.backbone.body.conv1.weight)
    assert torch.equal(network.roi_heads.box_head.fc6.weight, published.roi_heads.box_head.fc6.weight)
    two_sizes = settings.model_copy(update={"anchor_sizes": ((16, 24), (32, 48), (64, 96), (128, 192), (256, 384))})
    with pytest.raises(SissiError, match="as many anchor sizes per level"):
        build(two_sizes, (64, 96))


def test_weights_of_something_else_are_refused(tmp_path):
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    settings = Detector(preset="paper", anchor_sizes=PAPER_ANCHORS, weights=tmp_path / "other.pth")
    with pytest.raises(SissiError, match=r"layer\.weight"):
        build(settings, (64, 96))


def test_coco_weights_that_cannot_be_downloaded_say_what_to_do(tmp_path, monkeypatch):
    import torch.hub

    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(SissiError, match=r"set detector\.weights to that file"):
        build(Detector(preset="paper", anchor_sizes=PAPER_ANCHORS, weights="coco"), (64, 96))


def test_an_image_that_fits_is_not_touched():
    image = picture()
    assert resize(image, 64, 96) is image
    assert resize(image, 32, 48).shape == (32, 48, 3)
