// studio-shelf - the products at home: sideboard, wall shelf, plant, window
// light. View 1 morning sun, 2 evening with lamp and candle lit (same camera).
#version 3.7;
#declare AsModel = 1;
#declare K = 0.5;
#declare Evening = View-1;
#declare Lit = Evening;
#declare LampOn = Evening;
#declare LampPower = 3.2; #declare LampFade = 13; #declare LampBulb = 1.3;
#declare BoxOpen = 0; #declare PipetteOut = 0;

global_settings { assumed_gamma 1.0 max_trace_level 5 adc_bailout 0.05
  radiosity { pretrace_start 0.08 pretrace_end 0.01 count 64 nearest_count 10 error_bound 0.45
    recursion_limit 2 low_error_factor 0.6 gray_threshold 0.1 minimum_reuse 0.012 brightness 1 normal on } }
#default { finish { ambient 0 diffuse 0.85 } }

#include "mug-terra.pov"
#include "candle-amber.pov"
#include "dropper-linnea.pov"
#include "teapot-blabar.pov"
#include "lamp-lykta.pov"
#include "box-skrin.pov"
#include "car-tuff.pov"

camera { perspective location <4, 27, -150> up y right x*image_width/image_height angle 44.5 look_at <0, 22, 0> }

// ---- light --------------------------------------------------------------
#declare SunDir = vnormalize(<-1.05, 0.62, -0.95>);
#declare SunAt = <14, 24, 0>;
#if (Evening)
  sky_sphere { pigment { gradient x color_map { [0 rgb <0.10, 0.16, 0.30>*1.1*K] [1 rgb <0.07, 0.09, 0.15>*0.8*K] } scale 2 translate -x } }
  light_source { <-90, 55, -100> rgb <0.055, 0.085, 0.15>*K shadowless }
  // a little of the lamp bounced back from the rest of the room
  light_source { <120, 40, -90> rgb <0.10, 0.07, 0.045>*K shadowless }
#else
  light_source { <120, 40, -60> rgb <0.13, 0.12, 0.11>*K shadowless }
  sky_sphere { pigment { gradient x color_map { [0 rgb <0.72, 0.78, 0.86>*K] [1 rgb <0.36, 0.35, 0.34>*K] } scale 2 translate -x } }
  light_source { SunAt+SunDir*400 rgb <1.0, 0.84, 0.62>*1.2*K parallel point_at SunAt
    area_light x*4.5, y*4.5, 6, 6 adaptive 1 circular orient }
  light_source { <-60, 46, -95> rgb <0.22, 0.235, 0.26>*K shadowless }
#end
// the window frame that cuts the sun into panes
#if (!Evening)
  #declare Wx = vnormalize(vcross(y, SunDir)); #declare Wy = vcross(SunDir, Wx); #declare Wp = SunAt+SunDir*170;
  difference {
    box { <-120, -120, -0.5>, <120, 120, 0.5> }
    #for (I, -1, 0) #for (J, -1, 1)
      box { <I*23+1.2, J*17-7.3, -1>, <I*23+21.8, J*17+7.3, 1> }
    #end #end
    texture { pigment { rgb 1 } } no_image no_reflection no_radiosity
    matrix < Wx.x, Wx.y, Wx.z, Wy.x, Wy.y, Wy.z, SunDir.x, SunDir.y, SunDir.z, Wp.x, Wp.y, Wp.z > }
#end

// ---- room ---------------------------------------------------------------
plane { -z, -0.5 texture { pigment { rgb <0.70, 0.64, 0.55> } normal { bozo 0.05 scale 0.8 } finish { F_Matte } } }
// sideboard: oak top, painted drawers
object { RBox(<-90, -2.2, -30>, <90, 0, 0>, 0.5) M_Wood(OakA, OakB) }
#for (I, -2, 2)
  object { RBox(<-23.6, -24, -29>, <23.6, -3.2, -2>, 0.5) M_Satin(<0.36, 0.40, 0.36>) translate x*(I*48) }
  object { RBox(<-5, -9.4, -31>, <5, -8.4, -28.9>, 0.3) material { M_Brass } translate x*(I*48) }
#end
// wall shelf on two brass brackets
object { RBox(<-31, 31.2, -15>, <15, 33, 0.4>, 0.4) M_Wood(OakA, OakB) }
#for (I, 0, 1)
  union { cylinder { <0, 31.2, -12>, <0, 31.2, 0>, 0.45 } cylinder { <0, 31.2, 0>, <0, 25, 0>, 0.45 } cylinder { <0, 31.0, -11>, <0, 25.6, 0>, 0.3 }
    material { M_Brass } translate x*(-25+I*34) }
#end

// ---- plant --------------------------------------------------------------
#declare LeafP = array[6] { <0,0,0>, <0.9,2.6,0>, <2.6,5.6,0>, <5.2,8.0,0>, <8.2,8.8,0>, <10.6,8.2,0> };
#declare LeafR = array[6] { 0.05, 0.06, 0.085, 0.10, 0.075, 0.012 };
#declare StalkR = array[6] { 0.13, 0.11, 0.09, 0.07, 0.05, 0.02 };
#declare LeafMesh = object { Tube(LeafP, array[6] { 0.005, 0.02, 0.075, 0.105, 0.085, 0.006 }, 24, z, 8, 20) }
#declare Stalk = object { Tube(LeafP, StalkR, 1, z, 6, 10) }
#declare Plant = union {
  #declare PotP = array[7] { <0,0,0>, <4.6,0,0.5>, <6.2,10,0.6>, <6.2,11.2,0.3>, <5.7,11.2,0.3>, <5.4,9.6,0.2>, <0,9.6,0> };
  object { Turned(PotP, 96) texture { P_Speckle(<0.74, 0.69, 0.61>, <0.4, 0.33, 0.25>, 0.5) finish { F_Satin } } interior { I_Solid } }
  disc { <0, 9.7, 0>, y, 5.6 texture { pigment { granite color_map { [0 rgb 0.02] [1 rgb <0.10, 0.065, 0.04>] } } normal { granite 0.6 } } }
  #for (I, 0, 20)
    #local U = I/20; #local Sc = 1.55-0.55*U+0.15*sin(I*2.3);
    union {
      object { LeafMesh texture { pigment { rgb <0.045+0.03*sin(I*1.7), 0.17+0.04*sin(I*3.1), 0.055>*(1+0.4*U) } finish { diffuse 0.85 specular 0.12 roughness 0.05 reflection { 0, 0.5 fresnel on } conserve_energy } } interior { I_Solid } }
      object { Stalk texture { pigment { rgb <0.16, 0.30, 0.10> } } translate y*0.06 }
      rotate z*(U*40) scale Sc rotate y*(I*137.5) translate y*(9+U*9) }
  #end
  cylinder { <0, 9, 0>, <0, 18, 0>, 0.35 texture { pigment { rgb <0.18, 0.22, 0.09> } } }
}
object { Plant scale 1.08 rotate y*40 translate <-43, 0, -15> }

// ---- things -------------------------------------------------------------
#macro Book(W, H, D, C, Tw)
  union {
    object { RBox(<-W/2, 0, -D/2>, <W/2, 0.3, D/2>, 0.12) M_Matte(C) }
    object { RBox(<-W/2, H-0.3, -D/2>, <W/2, H, D/2>, 0.12) M_Matte(C) }
    object { RBox(<-W/2, 0, -D/2-0.1>, <W/2, H, -D/2+0.35>, 0.15) M_Matte(C) }
    box { <-W/2+0.3, 0.2, -D/2+0.1>, <W/2-0.3, H-0.2, D/2-0.3> texture { pigment { rgb <0.84, 0.79, 0.69> } } }
    rotate y*Tw }
#end
union {
  object { Book(20, 2.6, 14, <0.13, 0.17, 0.26>, 3) }
  object { Book(18, 2.0, 13, <0.62, 0.36, 0.20>, -5) translate y*2.6 }
  object { Book(16.5, 2.3, 12, <0.70, 0.64, 0.52>, 6) translate y*4.6 }
  translate <-19, 0, -13> }
object { Mug scale 0.95 rotate y*24 translate <-19, 6.9, -13> }
object { Teapot scale 1.5 rotate y*10 translate <3, 0, -15> }
object { Candle scale 0.95 translate <20, 0, -21> }
object { Lamp scale 2.85 rotate y*-14 translate <34.5, 0, -15> }
object { Box scale 1.3 rotate y*14 translate <-18.5, 33, -7.2> }
object { Car scale 1.12 rotate y*16 translate <4.5, 33, -8> }
object { Dropper scale 0.8 rotate y*-8 translate <47.5, 0, -22> }
